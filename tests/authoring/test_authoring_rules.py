"""A step's options: what they become, and what is refused where the step is declared."""

from __future__ import annotations

from typing import Any

import pytest

from stretto import Retry, step, workflow
from stretto.authoring.rules import names_of
from stretto.core.graph import Where
from stretto.errors import DefinitionError


def plain(value: int) -> int:
    return value


def declared(**options: Any) -> Any:
    """The spec of a step with these options."""
    return step(**options)(plain).spec


def refused(**options: Any) -> DefinitionError:
    """What declaring the step raises: it names this file and the line."""
    with pytest.raises(DefinitionError) as caught:
        declared(**options)
    assert (caught.value.where or "").startswith("test_authoring_rules.py:")
    assert "'plain'" in caught.value.what
    return caught.value


@pytest.mark.parametrize(
    ("memory", "size"),
    [
        (1, 1),
        (1 << 30, 1 << 30),
        ("512MB", 512 * 10**6),
        ("512 mb", 512 * 10**6),
        (" 1GiB ", 1 << 30),
        ("1.5kb", 1500),
        ("2KiB", 2048),
        ("3MiB", 3 << 20),
        ("1GB", 10**9),
        ("100B", 100),
    ],
)
def test_memory_is_bytes_or_a_text(memory: object, size: int) -> None:
    """Powers of ten for MB, powers of two for MiB."""
    assert declared(executor="process", memory=memory).memory == size


@pytest.mark.parametrize(
    "memory", [0, -1, 1.5, True, "", "512", "MB", "12TB", "0MB", "0.4B", "-1MB", b"1MB", [1]]
)
def test_memory_that_means_nothing_is_refused(memory: object) -> None:
    """The text shows what was given and what would do."""
    error = refused(executor="process", memory=memory)
    assert f"memory={memory!r}; give bytes above 0, or a text such as '512MB'" in error.what


@pytest.mark.parametrize("options", [{}, {"executor": "thread"}, {"inline": True}])
def test_memory_bounds_processes_alone(options: dict[str, Any]) -> None:
    """Nothing else has a limit of its own that could be enforced."""
    error = refused(memory="1GB", **options)
    assert "memory= bounds a worker process" in error.what
    assert "executor='process'" in (error.mend or "")


def test_a_process_without_a_limit_has_none() -> None:
    """No number is made up."""
    spec = declared(executor="process")
    assert (spec.where, spec.memory) == (Where.PROCESS, None)


@pytest.mark.parametrize("option", ["reads", "writes", "limit"])
@pytest.mark.parametrize(
    ("given", "names"),
    [("db", ("db",)), (("db", "log"), ("db", "log")), (["a", "b", "a"], ("a", "b")), ((), ())],
)
def test_names_are_one_or_several_each_once(option: str, given: object, names: tuple[str, ...]) -> None:
    """A text is one name, not its letters."""
    spec = declared(**{option: given})
    assert getattr(spec, "limits" if option == "limit" else option) == names


@pytest.mark.parametrize("option", ["reads", "writes", "limit"])
@pytest.mark.parametrize("given", [3, "", ("db", ""), ("db", 3), {"db"}, {"db": 1}, True])
def test_names_that_are_none_are_refused(option: str, given: object) -> None:
    """The option is named, and what was given."""
    assert f"{option}={given!r}; give the name of" in refused(**{option: given}).what


def test_no_names_are_none() -> None:
    """Nothing given is nothing touched."""
    assert names_of("s", "reads", None, "names") == ()


@pytest.mark.parametrize("option", ["reads", "writes"])
def test_a_workflow_declares_names_as_a_step_does(option: str) -> None:
    """The same texts are refused, with the workflow's name."""
    with pytest.raises(DefinitionError, match=f"'flow': {option}=3; give the name of what its steps"):

        @workflow(**{option: 3})  # type: ignore[call-overload]  # what is refused
        def flow() -> None:
            return None


def test_options_stay_with_other_rules() -> None:
    """`with_options` replaces what it names and keeps names and memory."""
    kept = step(executor="process", memory="1GB", reads="a", writes="b")(plain).with_options(timeout=3).spec
    assert (kept.memory, kept.reads, kept.writes, kept.timeout) == (10**9, ("a",), ("b",), 3)


@pytest.mark.parametrize("option", ["timeout", "within"])
@pytest.mark.parametrize("given", [0, -1, "5", True, float("nan")])
def test_lengths_are_seconds_above_0(option: str, given: object) -> None:
    """Anything else is refused with what was given."""
    assert f"{option}={given!r}; give seconds above 0" in refused(**{option: given}).what


@pytest.mark.parametrize("options", [{"timeout": 1}, {"within": 1}, {"retry": 2}, {"limit": "x"}])
def test_inline_glue_takes_no_time_and_no_permit(options: dict[str, Any]) -> None:
    """A rule that could never apply is refused; what it reads and writes may be said."""
    assert "is inline: it takes no time and no permit" in refused(inline=True, **options).what
    assert declared(inline=True, writes="db").writes == ("db",)


@pytest.mark.parametrize("retry", [True, "twice", 1.5, [3]])
def test_a_retry_is_a_rule_or_a_number(retry: object) -> None:
    """Both ways to say it mean the same."""
    assert f"retry={retry!r}; give a Retry(…) or a number of attempts" in refused(retry=retry).what
    assert declared(retry=3).retry == Retry(attempts=3)
