"""What a Tab offers to commands that look at runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from service.waiting_flows import WAITING, left_waiting
from stretto.service.cli.candidates_looking import query_words, steps_of

if TYPE_CHECKING:
    from service.conftest import Cli


@pytest.fixture
def flows(cli: Cli) -> Cli:
    """A folder with `flows.py`."""
    (cli.folder / "flows.py").write_text(WAITING)
    return cli


def test_steps(flows: Cli) -> None:
    """Paths of the run that stands before, in author order, with how they stand."""
    run_id = left_waiting(flows)
    assert steps_of(run_id[:5], "") == [
        ("design", "succeeded"),
        ("approve", "waiting"),
        ("serve", "pending"),
    ]
    assert steps_of("latest", "s") == [("serve", "pending")]


@pytest.mark.parametrize(
    ("line", "first"),
    [
        ("stretto show latest s", "serve\tpending"),
        ("stretto explain latest a", "approve\twaiting"),
        ("stretto logs latest --step d", "design\tsucceeded"),
        ("stretto ls sta", "status:\tstatus:failed,waiting"),
    ],
)
def test_a_shell_is_answered(flows: Cli, line: str, first: str) -> None:
    """At the place where a step or a query's word stands."""
    left_waiting(flows)
    assert flows.run("completion", "fish", "--line", line).out.splitlines()[0] == first


def test_no_run(cli: Cli) -> None:
    """A Tab says no errors."""
    done = cli.run("completion", "fish", "--line", "stretto show zzz d")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_query_words() -> None:
    """Keys with an example; statuses, one behind the other."""
    assert [word for word, _ in query_words("")] == ["status:", "workflow:", "took:", "started:", "id:"]
    assert query_words("status:failed,w") == [("status:failed,waiting", "")]
    assert query_words("took:") == [("took:", "took:>30s")]
