"""Reading and checking requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from apps.assess_requests import request
from stretto.errors import InputError, PermanentError
from stretto_apps.assess.data.prices import PROVIDERS, regions
from stretto_apps.assess.examples import example_request
from stretto_apps.assess.types import AssessmentRequest, Framework
from stretto_apps.assess.validate import KINDS, load_request, notes, parse_request, problems, validate

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "assess").glob("*.yaml"))
GOOD = """\
company: Acme
industry: software
scale: {employees: 10, engineers: 3, users: 100}
workload:
  kind: web
  requests_per_second: 5
monthly_budget: 1000
region: eu-central-1
"""


def refused(text: str, name: str = "r.yaml") -> str:
    """The error's words for a bad text."""
    with pytest.raises(InputError) as caught:
        parse_request(text, name, is_json=name.endswith("json"))
    return str(caught.value)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_are_valid(path: Path) -> None:
    """Each example loads, passes every check and leaves nothing to note."""
    asked = validate(load_request(path))
    assert notes(asked) == ()
    assert asked.stack
    assert asked.goals


def test_examples_are_of_different_kinds() -> None:
    """At least three companies on three providers with different workloads."""
    loaded = [load_request(path) for path in EXAMPLES]
    assert len(loaded) >= 3
    assert {asked.provider for asked in loaded} == set(PROVIDERS)
    assert len({asked.workload.kind for asked in loaded}) == len(loaded)


def test_the_shipped_example_is_the_one_in_the_repository() -> None:
    """The package's example and the repository's are one and the same."""
    path = next(path for path in EXAMPLES if path.stem == "health-startup")
    assert load_request(path) == example_request()
    folder = Path(__file__).parents[2] / "src" / "stretto_apps" / "assess" / "data" / "examples"
    assert (folder / path.name).read_bytes() == path.read_bytes()


def test_json_and_yaml_mean_the_same(tmp_path: Path) -> None:
    """A request reads the same from both."""
    first, second = tmp_path / "r.yml", tmp_path / "r.json"
    first.write_text(GOOD, encoding="utf-8")
    second.write_text(json.dumps(load_request(first).model_dump(mode="json"), indent=1), encoding="utf-8")
    assert load_request(first) == load_request(second)


def test_a_missing_file(tmp_path: Path) -> None:
    """A path without a file is named."""
    with pytest.raises(InputError, match=r"nowhere\.yaml: there is no such file"):
        load_request(tmp_path / "nowhere.yaml")


def test_an_unreadable_file(tmp_path: Path) -> None:
    """A folder, and bytes that are no UTF-8, are told."""
    with pytest.raises(InputError, match="cannot be read"):
        load_request(tmp_path)
    (tmp_path / "r.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="UTF-8"):
        load_request(tmp_path / "r.yaml")


def test_an_unknown_ending(tmp_path: Path) -> None:
    """Only JSON and YAML are read."""
    (tmp_path / "r.toml").write_text("", encoding="utf-8")
    with pytest.raises(InputError, match=r"\.json, \.yaml, \.yml"):
        load_request(tmp_path / "r.toml")


@pytest.mark.parametrize(
    ("text", "name", "words"),
    [
        ("company: [a\nb: c\n", "r.yaml", "r.yaml:2: not YAML"),
        ('{"company": \n oops}', "r.json", "r.json:2: not JSON"),
        ("", "r.yaml", "not empty"),
        ("- a\n- b\n", "r.yaml", "not list"),
        ("!!python/object:os.system {}", "r.yaml", "not YAML"),
    ],
)
def test_broken_files(text: str, name: str, words: str) -> None:
    """A text that cannot be parsed is told with file and line; tags that would run code are refused."""
    assert words in refused(text, name)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "employees: 10",
            "employees: 0",
            "line 3, scale.employees: input should be greater than or equal to 1, got 0",
        ),
        (
            "monthly_budget: 1000",
            "monthly_budget: 0",
            "line 7, monthly_budget: input should be greater than 0, got 0",
        ),
        ("monthly_budget", "montly_budget", "Did you mean 'monthly_budget'?"),
        ("company: Acme\n", "", "company: the field is missing. Add it."),
        ("  requests_per_second: 5", "  requests_per_second: many", "line 6, workload.requests_per_second: "),
        ("region: eu-central-1", "region: eu-central-1\ncompliance: [iso]", "line 9, compliance.0: "),
        (
            "region: eu-central-1",
            "region: eu-central-1\nzzzqqq: 1",
            "line 9, zzzqqq: there is no such field. Leave it out.",
        ),
    ],
)
def test_wrong_fields(old: str, new: str, words: str) -> None:
    """A wrong field is told with file, line, path and how to mend it."""
    told = refused(GOOD.replace(old, new))
    assert told.startswith("r.yaml: the request is not valid:")
    assert words in told


def test_all_errors_at_once() -> None:
    """Two wrong fields are both told."""
    told = refused(GOOD.replace("employees: 10", "employees: 0").replace("kind: web", "kind: [web]"))
    assert "scale.employees" in told
    assert "workload.kind" in told


def test_names_are_put_in_canonical_form() -> None:
    """Case, blanks and underscores do not matter; repeated controls count once; doing it twice changes
    nothing.
    """
    asked = request(
        provider=" AWS ", region="EU-Central-1", kind="ML_Training",
        controls=("MFA", "Encryption at rest", "mfa"), compliance=(Framework.SOC2, Framework.SOC2),
    )  # fmt: skip
    tidy = validate(asked)
    assert (tidy.provider, tidy.region, tidy.workload.kind) == ("aws", "eu-central-1", "ml-training")
    assert tidy.controls == ("mfa", "encryption-at-rest")
    assert tidy.compliance == (Framework.SOC2,)
    assert validate(tidy) == tidy


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"provider": "ibm"}, "provider: 'ibm' is not known. Known: aws, azure, gcp."),
        ({"region": "moon-1"}, "Known: us-east-1, us-west-2"),
        ({"region": "westeurope"}, "westeurope belongs to azure."),
        ({"kind": "magic"}, "Known: web, api"),
        ({"engineers": 500}, "500 engineers are more than 120 employees"),
        ({"average_cpu_ms": 0.0}, "workload.average_cpu_ms"),
    ],
)
def test_what_cannot_be_assessed(changes: dict[str, object], words: str) -> None:
    """Each impossible request ends the run for good, naming the field and what is known."""
    with pytest.raises(PermanentError) as caught:
        validate(request(**changes))
    assert words in str(caught.value)


def test_all_problems_at_once() -> None:
    """Several problems are listed together."""
    assert len(problems(request(region="moon-1", kind="magic", engineers=500))) == 3


def test_a_budget_of_nothing() -> None:
    """A request built past its own checks with no budget is still refused."""
    asked = request().model_copy(update={"monthly_budget": 0.0})
    with pytest.raises(PermanentError, match="monthly_budget"):
        validate(asked)


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_known_place_and_kind_passes(provider: str, kind: str) -> None:
    """All combinations the tables know are accepted."""
    for region in regions(provider):
        validate(request(provider=provider, region=region, kind=kind))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"compliance": (Framework.HIPAA,)}, "no health data"),
        ({"compliance": (Framework.PCI_DSS,)}, "no card data"),
        ({"compliance": (Framework.GDPR,)}, "no personal data"),
        ({"handles_health_data": True}, "personal data as well"),
        ({"compliance": (Framework.HIPAA,), "handles_health_data": True}, "law of the United States"),
        ({"requests_per_second": 0.0}, "0 for a service"),
        ({"gpu_hours": 5.0}, "no model"),
        ({"availability_target": 99.999}, "beyond what one region reaches"),
        ({"controls": ("mfaa",)}, "did you mean 'mfa'?"),
        ({"controls": ("zzzzzz",)}, "counts for nothing"),
        ({"controls": ()}, "none is listed"),
    ],
)
def test_what_looks_wrong_is_noted(changes: dict[str, object], words: str) -> None:
    """Doubtful requests are assessed and noted."""
    asked = request(**{"controls": ("mfa",), **changes})
    assert not problems(asked)
    assert any(words in note for note in notes(asked))


def test_a_plain_request_has_no_notes() -> None:
    """Nothing is noted where nothing is doubtful."""
    assert notes(request(controls=("mfa",))) == ()


def test_notes_reach_the_strategy_report() -> None:
    """What looks wrong is said in the findings, not swallowed."""
    from stretto_apps.assess.agents import strategy

    found = strategy.find(request(controls=("mfaa",)))
    assert any("mfaa" in line for line in found.highlights)


def test_requests_are_values() -> None:
    """A validated request is immutable and equal to itself."""
    asked: AssessmentRequest = validate(request())
    assert asked == validate(request())
    with pytest.raises(ValueError, match="frozen"):
        asked.company = "x"
