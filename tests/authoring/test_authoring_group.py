"""`with group(…) as g:` in a body: what it wires, and every misuse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from authoring.authoring_cases import load_body, refusal
from stretto import group
from stretto.core.graph import Role
from stretto.errors import DefinitionError, DuplicatePathError, RefError

if TYPE_CHECKING:
    from pathlib import Path

MISUSES = {
    "empty": ('with group("g"):  # here\n    pass', "has no steps", "inside the `with`"),
    "nested": (
        'with group("a"):\n    load(x)\n    with group("b"):  # here\n        use(x)',
        "'b' stands inside group 'a'",
        "do not nest",
    ),
    "too high": (
        'with group("g", min_success=3):  # here\n    load(x)\n    use(x)',
        "wants 3 successes of 2 steps",
        "min_success=2 or less",
    ),
    "used in its block": (
        'with group("g") as g:\n    load(x)\n    use.after(g)(x)  # here',
        "before its block has ended",
        "behind its `with`",
    ),
    "counted in its block": (
        'with group("g") as g:\n    load(x)\n    use(g.count)  # here',
        "before its block has ended",
        "behind its `with`",
    ),
    "never entered": ('g = group("g")\nuse.after(g)(x)  # here', "before its block has ended", "`with`"),
    "as a value": (
        'with group("g") as g:\n    load(x)\nuse(g)  # here',
        "got a group as a value",
        "`g.count`",
    ),
    "as a value in a list": (
        'with group("g") as g:\n    load(x)\nuse([{"g": g}])  # here',
        "got a group as a value",
        "`g.count`",
    ),
    "returned": (
        'with group("g") as g:  # here\n    load(x)\nreturn g',
        "got a group as a value",
        "`g.count`",
    ),
    "tested": ('with group("g") as g:\n    load(x)\nif g: pass  # here', "tested for truth", "`g.count`"),
    "count tested": (
        'with group("g") as g:\n    load(x)\nif g.count > 1: pass  # here',
        "compared",
        "Branch",
    ),
    "named like a member": (
        'with group("load"):  # here\n    load(x)',
        "would share the path 'load'",
        "Name each use",
    ),
    "named like a step before": (
        'load(x)\nwith group("load"):  # here\n    use(x)',
        "would share the path 'load'",
        "Name each use",
    ),
    "two of a name": (
        'with group("g"):\n    load(x)\nwith group("g"):  # here\n    use(x)',
        "would share the path 'g'",
        "Name each use",
    ),
    "within 0": ('with group("g", within=0):  # here\n    load(x)', "within=0", "seconds above 0"),
    "within text": ('with group("g", within="5"):  # here\n    load(x)', "within='5'", "seconds above 0"),
    "min_success negative": (
        'with group("g", min_success=-1):  # here\n    load(x)',
        "min_success=-1",
        "0 or more",
    ),
    "min_success bool": (
        'with group("g", min_success=True):  # here\n    load(x)',
        "min_success=True",
        "0 or more",
    ),
}


@pytest.mark.parametrize("name", [name for name in MISUSES if name != "returned"])
def test_a_misused_group_is_refused_where_it_is_written(name: str, tmp_path: Path) -> None:
    """The error names the line and the group's rule."""
    body, what, mend = MISUSES[name]
    error = refusal(tmp_path, body)
    assert what in error.what
    assert mend in str(error)


def test_the_same_mistake_has_the_same_class(tmp_path: Path) -> None:
    """A group as a value is a Ref's trap, a shared name a duplicate path."""
    assert isinstance(refusal(tmp_path, MISUSES["tested"][0]), RefError)
    assert isinstance(refusal(tmp_path, MISUSES["as a value"][0]), RefError)
    assert isinstance(refusal(tmp_path, MISUSES["two of a name"][0]), DuplicatePathError)


def test_a_returned_group_is_refused(tmp_path: Path) -> None:
    """A gate's value is its count, asked for by name."""
    module, _ = load_body(tmp_path, MISUSES["returned"][0])
    with pytest.raises(RefError, match=r"return value, got a group as a value.*g\.count"):
        module.flow.trace()


def test_a_group_outside_a_body_is_refused() -> None:
    """There is no graph it could belong to."""
    with pytest.raises(DefinitionError, match="outside a workflow's body") as caught, group("g"):
        pass
    assert (caught.value.where or "").startswith("test_authoring_group.py:")


def test_an_error_inside_the_block_passes_as_it_is(tmp_path: Path) -> None:
    """The group adds no error of its own to the author's."""
    module, place = load_body(tmp_path, 'with group("g"):\n    raise KeyError("mine")  # here')
    with pytest.raises(KeyError, match="mine") as caught:
        module.flow.trace()
    assert place in caught.value.__notes__[0]


def test_a_block_that_was_left_by_an_error_somebody_swallowed_is_refused(tmp_path: Path) -> None:
    """What follows would silently belong to a group without a gate."""
    before = """
    def helper(x):
        try:
            with group("g"):
                load(x)
                raise KeyError
        except KeyError:
            return None
    """
    module, _ = load_body(tmp_path, "helper(x)\nreturn use(x)", before)
    with pytest.raises(DefinitionError, match="block of group 'g' did not come to its end"):
        module.flow.trace()


def test_a_group_of_another_run_is_refused(tmp_path: Path) -> None:
    """A gate lives in the body that made it."""
    before = "kept = []"
    body = (
        'if kept: return use.after(kept[0])(x)\nwith group("g") as g:\n    load(x)\nkept.append(g)\nreturn 1'
    )
    module, _ = load_body(tmp_path, body, before)
    module.flow.trace()
    with pytest.raises(RefError, match="of another run"):
        module.flow.trace()


def test_a_group_wires_its_members_to_its_gate(tmp_path: Path) -> None:
    """The gate waits for all members, bears the group's name, and keeps deadline and threshold."""
    body = (
        'with group("g", within=5, min_success=1) as g:\n    a = load(x)\n    b = use.map([1])\n'
        "return join.after(g)(x)"
    )
    module, _ = load_body(tmp_path, body)
    graph = module.flow.trace().graph
    (made,) = graph.groups
    gate = graph.index_of("g")
    assert (made.name, made.within, made.min_success, made.gate) == ("g", 5, 1, gate)
    assert [graph.path(index) for index in made.members] == ["load", "use"]
    assert gate is not None
    assert graph.specs[gate].role is Role.GATE
    assert tuple(graph.deps[gate]) == tuple(made.members)
    join = graph.index_of("join")
    assert join is not None
    assert tuple(graph.deps[join]) == (gate,)


def test_steps_behind_the_block_are_no_members(tmp_path: Path) -> None:
    """Membership ends with the block, also when the body returns from inside it."""
    module, _ = load_body(tmp_path, 'with group("g") as g:\n    load(x)\nreturn use(g.count)')
    graph = module.flow.trace().graph
    use = graph.index_of("use")
    assert use is not None
    assert graph.group_number(use) is None
    assert module.flow.run().value == 1
    module, _ = load_body(tmp_path, 'with group("g") as g:\n    return load(x)')
    assert module.flow.run().value == 1


def test_the_count_says_how_many_succeeded(tmp_path: Path) -> None:
    """It is a Ref like any other."""
    body = (
        'with group("g") as g:\n    load(x)\n    maybe("lost")\n    maybe.named("m2")(x)\n'
        'return {"count": g.count, "next": join(g.count, 5)}'
    )
    module, _ = load_body(tmp_path, body)
    assert module.flow.run().value == {"count": 2, "next": [2, 5]}


def test_a_step_keeps_being_required_outside_the_group(tmp_path: Path) -> None:
    """A group makes uses optional, not the declared step."""
    module, _ = load_body(tmp_path, 'with group("g"):\n    load(x)\nreturn load.named("again")(x)')
    graph = module.flow.trace().graph
    assert [graph.is_optional(graph.index_of(path)) for path in ("load", "again")] == [True, False]
