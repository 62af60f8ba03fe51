"""`models/fake_provider/script.py`: what a script means for one request, decided from seed and digest."""

from __future__ import annotations

import statistics

import pytest

from stretto.errors import ConfigError
from stretto.models import Fault, Latency, ReplyEdit, Script
from stretto.models.fake_provider.script import treatment

DIGESTS = [f"digest-{index}" for index in range(2000)]


def samples(latency: Latency, seed: int = 7) -> list[float]:
    return [latency.sample(seed, digest) for digest in DIGESTS]


def test_latencies_follow_their_distribution() -> None:
    """Median, range, tail and cap are those asked for."""
    assert set(samples(Latency("constant", 0.25))) == {0.25}
    uniform = samples(Latency("uniform", low=1, high=3))
    assert min(uniform) >= 1
    assert max(uniform) <= 3
    assert statistics.mean(uniform) == pytest.approx(2, abs=0.05)
    lognormal = samples(Latency("lognormal", 2.0, sigma=0.5))
    assert statistics.median(lognormal) == pytest.approx(2, rel=0.05)
    assert statistics.quantiles(lognormal, n=100)[83] == pytest.approx(2 * 2.718**0.5, rel=0.1)
    pareto = samples(Latency("pareto", 1.0, alpha=2))
    assert min(pareto) >= 1
    assert statistics.median(pareto) == pytest.approx(2**0.5, rel=0.05)
    assert max(samples(Latency("pareto", 1.0, alpha=0.5, max=9))) == 9


def test_a_latency_depends_on_seed_and_digest_alone() -> None:
    """The same twice; another seed gives others."""
    latency = Latency("lognormal", 1.0)
    assert samples(latency) == samples(latency)
    assert samples(latency) != samples(latency, seed=8)


def test_the_first_times_requests_of_a_digest_are_hit() -> None:
    """Attempts beyond `times` go through; null hits for ever; the first fault that hits wins."""
    script = Script(
        faults=(Fault("429", times=1), Fault("500", times=2), Fault("cut", match="never", times=None))
    )
    kinds = [treatment(script, 7, "d", "text", "r", attempt).fault for attempt in (1, 2, 3)]
    assert [fault and fault.kind for fault in kinds] == ["429", "500", None]
    always = Script(faults=(Fault("cut", match="tex", times=None),))
    assert treatment(always, 7, "d", "text", "r", 99).fault == always.faults[0]
    assert treatment(always, 7, "d", "other", "r", 1).fault is None


def test_a_rate_picks_its_share_of_digests() -> None:
    """A fifth of the digests, always the same ones."""
    script = Script(faults=(Fault("500", rate=0.2, times=None),))
    hit = [treatment(script, 7, digest, "", "r", 1).fault is not None for digest in DIGESTS]
    assert sum(hit) / len(hit) == pytest.approx(0.2, abs=0.03)
    assert hit == [treatment(script, 7, digest, "", "r", 2).fault is not None for digest in DIGESTS]


def test_replies_are_edited_where_they_match() -> None:
    """A piece replaced or the whole text, for requests that contain the match."""
    script = Script(
        replies=(ReplyEdit(match="security", replace=("MFA", "SSO")), ReplyEdit(match="whole", text="new"))
    )
    replies = [
        treatment(script, 7, "d", request, "Add MFA", 1).reply for request in ("security", "cost", "whole")
    ]
    assert replies == ["Add SSO", "Add MFA", "new"]


def test_slow_adds_its_seconds() -> None:
    """A slow request takes its latency and the fault's seconds."""
    script = Script(latency=Latency(seconds=1), faults=(Fault("slow", seconds=2),))
    assert [treatment(script, 7, "d", "", "r", attempt).delay for attempt in (1, 2)] == [3, 1]


def test_a_script_survives_json() -> None:
    """What is written is read back equal."""
    script = Script(
        latency=Latency("uniform", low=0.1, high=0.2, max=1),
        faults=(Fault("429", "m", None, 0.5, 2, "date"), Fault("stall")),
        replies=(ReplyEdit("m", ("a", "b")), ReplyEdit(text="t")),
        api_key="k",
    )
    assert Script.from_json(script.to_json()) == script
    assert Script.from_json("{}") == Script()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[]", "script must be an object"),
        ('{"fault": []}', "script has no 'fault'. Known: api_key, faults, latency, replies"),
        ('{"faults": {}}', "faults must be a list"),
        ('{"faults": [{"kind": "boom"}]}', r"faults\[0\].kind is 'boom'. Known: 429"),
        ('{"faults": [{"kind": "429", "retry_after_form": "moon"}]}', "retry_after_form is 'moon'"),
        ('{"faults": [{"kind": "429", "rate": "x"}]}', r"faults\[0\].rate is 'x'; it must be float"),
        ('{"faults": [{"kind": "429", "times": 1.5}]}', "times is 1.5"),
        ('{"faults": [{"kind": "429", "match": 5}]}', "match is 5"),
        ('{"latency": {"kind": "slowly"}}', "latency.kind is 'slowly'"),
        ('{"latency": {"seconds": -1}}', "latency.seconds is -1"),
        ('{"replies": [{"replace": ["a"]}]}', r"replies\[0\].replace must be a pair"),
        ('{"api_key": 5}', "api_key is 5"),
    ],
)
def test_a_wrong_script_is_told_where(text: str, said: str) -> None:
    """The field and what it may be are in the error."""
    with pytest.raises(ConfigError, match=said):
        Script.from_json(text)
