"""What a stored run was given, and whether somebody may go on with it as asked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, cast

from stretto.api.past import is_at_or_under
from stretto.core.journal.reading import FactReader
from stretto.core.values import decode_json
from stretto.core.values.places import holds_redacted
from stretto.errors import InputError, NotFoundError, RecoveryError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto.api.past import Past
    from stretto.core.journal.facts import Created
    from stretto.core.journal.reading import Opaque
    from stretto.ports import NewRun, RunRow

__all__ = ["check_given", "check_same", "check_start", "decoded_inputs", "first_inputs"]


def first_inputs(body: bytes, classes: Mapping[str, type]) -> dict[str, object]:
    """A run's inputs, from the first entry of its journal: all of it can be read only when its steps are known."""
    return decoded_inputs(
        cast("Created", FactReader(is_opaque=True, shows_secrets=True).read(body)[0][4]), classes
    )


def decoded_inputs(created: Created, classes: Mapping[str, type]) -> dict[str, object]:
    """The inputs of a run that was read without its code."""
    return {name: decode_json(cast("Opaque", form).form, classes) for name, form in created.inputs.items()}


def check_same(row: RunRow, new: NewRun) -> None:
    """Raises InputError where a key is that of a run of another workflow, or with other inputs. A secret that is not
    kept is no other input."""
    inputs, others = (
        json.dumps(json.loads(each)["inputs"], sort_keys=True) for each in (row.options, new.options)
    )
    if row.workflow == new.workflow and inputs == others:
        return
    what = f"of workflow {row.workflow!r}" if row.workflow != new.workflow else "with other inputs"
    raise InputError(
        f"Key {new.key!r} is that of run {row.run_id} {what}: the same key is the same run. Give this one another key, "
        f"or look at that one: stretto show {row.run_id}."
    )


def check_given(run_id: str, inputs: Mapping[str, object]) -> None:
    """Raises RecoveryError for inputs whose secrets are not kept, and were not given again."""
    for name, value in inputs.items():
        if holds_redacted(value):
            raise RecoveryError(
                f"Input {name!r} of run {run_id} is secret, and only sealed stores keep secrets: give it again, as in "
                f"`stretto fork {run_id} --set {name}=VALUE`, or submit the run again."
            )


def check_start(past: Past, start: str | None) -> None:
    """Raises NotFoundError for a step that the run never had."""
    paths = [past.graph.path(index) for index in range(len(past.graph))]
    if start is not None and not any(is_at_or_under(path, start) for path in paths):
        raise NotFoundError("step", start, paths)
