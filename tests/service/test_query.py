"""What a query's words mean."""

from __future__ import annotations

import pytest

from stretto.errors import InputError
from stretto.ports import RunRow
from stretto.service.query import KEYS, parse_query, seconds_in, took_by

NOW = 10_000.0


def row(
    run_id: str = "abc123",
    workflow: str = "assess",
    status: str = "succeeded",
    started: float | None = NOW - 100,
    ended: float | None = NOW - 40,
) -> RunRow:
    """A run that began 100 s ago and took 60 s."""
    return RunRow(
        run_id, workflow, NOW - 200, None, None, None, "", status, "", started, ended, 1, None, 2, 2
    )


@pytest.mark.parametrize(
    ("words", "holds"),
    [
        ("", True),
        ("abc", True),
        ("ASSE", True),
        ("c123", True),
        ("other", False),
        ("status:succeeded", True),
        ("status:failed,succeeded", True),
        ("status:failed", False),
        ("status:failed,succeeded status:failed", False),
        ("workflow:assess", True),
        ("workflow:other,assess", True),
        ("workflow:ass", False),
        ("id:abc", True),
        ("id:bc1", False),
        ("id:abc id:abd", False),
        ("took:>30s", True),
        ("took:>=1min", True),
        ("took:>1m", False),
        ("took:<=60s", True),
        ("took:<60s", False),
        ("started:<2min", True),
        ("started:<1min", False),
        ("started:>99s", True),
        ("abc took:>30s status:failed", False),
    ],
)
def test_words_hold(words: str, holds: bool) -> None:
    """All of them must: a part of the id or the workflow, a status, a length, an age."""
    assert parse_query(words.split()).holds(row(), NOW) is holds


def test_a_run_that_has_not_begun() -> None:
    """It took nothing that compares; its age is that of its creation."""
    queued = row(status="queued", started=None, ended=None)
    assert took_by(queued, NOW) is None
    assert not parse_query(["took:<1d"]).holds(queued, NOW)
    assert parse_query(["started:>199s"]).holds(queued, NOW)
    assert not parse_query(["started:>201s"]).holds(queued, NOW)


def test_a_run_that_goes_on() -> None:
    """It has taken what there is by now."""
    assert took_by(row(ended=None), NOW) == 100
    assert took_by(row(), NOW) == 60


def test_what_a_store_looks_for() -> None:
    """The first status and id words go to the store, which has them indexed."""
    query = parse_query(["status:failed,waiting", "id:ab"])
    assert (query.statuses, query.prefix, query.tests) == (("failed", "waiting"), "ab", ())


@pytest.mark.parametrize("word", ["stat:failed", "color:red"])
def test_an_unknown_key(word: str) -> None:
    """The error names all keys, each with an example."""
    with pytest.raises(InputError) as caught:
        parse_query([word])
    assert all(example in str(caught.value) for example in KEYS.values())


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("status:gone", "there is no status 'gone'. There are: queued, running, waiting"),
        ("took:30s", "Write < or >"),
        ("took:>soon", "took:>30s"),
        ("started:<5y", "started:<2h"),
        ("status:", "nothing after its colon"),
        ("took:", "took:>30s"),
    ],
)
def test_a_wrong_value(word: str, said: str) -> None:
    """The error says what may stand there."""
    with pytest.raises(InputError) as caught:
        parse_query([word])
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("250ms", 0.25),
        ("30s", 30),
        ("1.5h", 5400),
        ("2m", 120),
        ("2min", 120),
        ("1d", 86400),
        ("2w", 1209600),
        ("x", None),
        ("-1s", None),
        ("30", None),
    ],
)
def test_lengths(text: str, seconds: float | None) -> None:
    """A number and a unit; anything else is none."""
    assert seconds_in(text) == seconds
