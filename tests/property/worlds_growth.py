"""Which steps a described workflow that grows consists of: from the start, and when an anchor starts.

Knows nothing of the engine.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from property.shapes import Const
from property.worlds import Block, Body, Call, Each, Inner, Pick, Plan, Rounds, Spread, touched
from property.worlds_reference import grown_value, label_of
from property.worlds_spots import Later, Link, Parts, Row, Spot, clash, narrowed, spots_in

if TYPE_CHECKING:
    from collections.abc import Callable

    from property.worlds import Given, Item, Planned, World
    from property.worlds_spots import Template

__all__ = ["Growth"]

Env = dict[str, "Template"]


class _Order:
    """The writer and the readers of each thing so far, in one body."""

    def __init__(self) -> None:
        self._writer: dict[str, Spot] = {}
        self._readers: dict[str, list[Spot]] = {}

    def before(self, reads: tuple[str, ...], writes: tuple[str, ...]) -> list[Spot]:
        """Whom one that touches these waits for."""
        found = [self._writer[name] for name in (*reads, *writes) if name in self._writer]
        return found + [reader for name in writes for reader in self._readers.get(name, [])]

    def keep(self, spot: Spot) -> None:
        """Others wait for this one from now on."""
        for name in spot.writes:
            self._writer[name] = spot
            self._readers[name] = []
        for name in {*spot.reads} - {*spot.writes}:
            self._readers.setdefault(name, []).append(spot)


class _Place:
    """Where a body is wired: its paths' beginning, its anchor, its names; `is_group` inside a group."""

    def __init__(self, prefix: str, scope: Spot | None, env: Env) -> None:
        self.prefix = prefix
        self.scope = scope
        self.env = env
        self.order = _Order()
        self.is_group = False

    def given(self, given: Given) -> Template:
        """An input as a template."""
        return given if isinstance(given, Const) else narrowed(self.env[given.of], given.key)


class Growth:
    """The steps there are."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.spots: dict[str, Spot] = {}
        env: Env = {}
        self._wire(world.body, _Place("", None, env))
        self.result = Parts({name: env[name] for name in world.body.output})

    # ---------------------------------------------------------------- values

    def value(self, template: Template) -> object:
        """What a template stands for, now that it is there."""
        if isinstance(template, Const):
            return template.value
        if isinstance(template, Parts):
            return {name: self.value(part) for name, part in template.by_name.items()}
        if isinstance(template, Row):
            return [self.value(part) for part in template.items]
        spot = template.spot
        value = self.value(spot.output) if spot.lane == "anchor" and spot.state == "succeeded" else spot.value
        if spot.lane == "anchor" and spot.state == "succeeded" and spot.value == "list":
            value = [self.value(Link(child)) for child in spot.children or ()]
        return value if template.key is None else value[template.key]  # type: ignore[index]  # a described dict

    def inputs(self, spot: Spot) -> list[object]:
        """What a step sees."""
        return [self.value(part) for part in spot.inputs.items]

    # ---------------------------------------------------------------- bodies

    def _add(
        self, place: _Place, name: str, lane: str, inputs: list[Template], needs: list[Spot], **rules: object
    ) -> Spot:
        needs = list(dict.fromkeys((*spots_in(inputs), *needs)))
        spot = Spot(place.prefix + name, lane, place.scope, needs, Row(tuple(inputs)), **rules)  # type: ignore[arg-type]
        spot.is_member = place.is_group
        spot.number = len(self.spots)
        assert spot.path not in self.spots, spot.path
        self.spots[spot.path] = spot
        if place.scope is not None:
            place.scope.children = [*(place.scope.children or ()), spot]
        return spot

    def _wire(self, body: Body, place: _Place) -> None:
        for item in body.items:
            if isinstance(item, Block):
                self._group(item, place)
            else:
                self._item(item, place)

    def _group(self, block: Block, place: _Place) -> None:
        for item in block.items:
            if isinstance(item, Pick):
                self._selector(item, place)
        count = len(self.spots)
        place.is_group = True
        for item in block.items:
            self._item(item, place)
        place.is_group = False
        members = [spot for spot in list(self.spots.values())[count:] if spot.scope is place.scope]
        self._add(place, block.name, "gate", [], members)

    def _item(self, item: Item, place: _Place) -> None:
        makers: dict[type, Callable[..., Template]] = {
            Call: self._call,
            Each: self._each,
            Spread: self._each,
            Pick: self._pick,
            Rounds: self._rounds,
            Inner: self._inner,
            Plan: self._plan,
        }
        place.env[item.name] = makers[type(item)](item, place)

    def _ordered(self, item: Item, place: _Place) -> tuple[list[Spot], dict[str, tuple[str, ...]]]:
        reads, writes = touched(Body((item,), ()))
        return place.order.before(reads, writes), {"reads": reads, "writes": writes}

    # ---------------------------------------------------------------- steps

    def _call(self, call: Call, place: _Place) -> Template:
        before, rules = self._ordered(call, place)
        inputs = [place.given(given) for given in call.inputs]
        lane = "glue" if call.inline else "step"
        spot = self._add(
            place, call.name, lane, inputs, before, fails=call.fails, attempts=call.attempts, **rules
        )
        spot.is_optional = call.optional
        spot.makes = lambda given: grown_value(spot.path, given, call.size)
        place.order.keep(spot)
        return Link(spot)

    def _each(self, each: Each | Spread, place: _Place) -> Template:
        before, rules = self._ordered(each, place)
        if isinstance(each.items, tuple):
            # Without a use that waits its turn the map itself has to.
            anchor = self._add(place, each.name, "anchor", [], [] if each.items else before, **rules)
            uses = [place.given(item) for item in each.items]
            if anchor.needs:
                anchor.grow = lambda _: self._uses(each, anchor, [], [])
            else:
                self._uses(each, anchor, uses, before)
                anchor.state = "waiting"
        else:
            items = place.given(each.items)
            anchor = self._add(place, each.name, "anchor", [items], before, **rules)
            anchor.grow = partial(self._grow_each, each, anchor, items)
        anchor.value = "list"
        place.order.keep(anchor)
        return Link(anchor)

    def _grow_each(self, each: Each | Spread, anchor: Spot, items: Template, _: int) -> bool:
        found = self.value(items)
        assert isinstance(found, list)
        return self._uses(each, anchor, [Const(item) for item in found], [])

    def _uses(self, each: Each | Spread, anchor: Spot, items: list[Template], before: list[Spot]) -> bool:
        anchor.children = []
        place = _Place(anchor.path, anchor, {})
        reads, writes = touched(Body((each,), ()))
        lane = "step" if isinstance(each, Each) else "anchor"
        for number, item in enumerate(items):
            needs = [*before, *(anchor.children[-1:] if writes else [])]
            spot = self._add(place, f"[{number}]", lane, [item], needs, reads=reads, writes=writes)
            if isinstance(each, Spread):
                spot.within = each.within
                spot.grow = partial(self._grow_inner, each.name, each.body, spot)
            else:
                spot.fails = int(each.fails_at == number)
                spot.makes = partial(grown_value, spot.path)
        return True

    def _selector(self, pick: Pick, place: _Place) -> Template:
        name = f"{pick.name}_by"
        if name not in place.env:
            spot = self._add(place, name, "glue", [place.given(pick.by)], [])
            spot.makes = lambda given: label_of(spot.path, given[0], pick.labels)
            place.env[name] = Link(spot)
        return place.env[name]

    # ---------------------------------------------------------------- what grows

    def _pick(self, pick: Pick, place: _Place) -> Template:
        label = self._selector(pick, place)
        before, rules = self._ordered(pick, place)
        anchor = self._add(place, pick.name, "anchor", [label], before, **rules)
        anchor.grow = partial(self._grow_pick, pick, anchor, label, dict(place.env))
        place.order.keep(anchor)
        return Link(anchor)

    def _grow_pick(self, pick: Pick, anchor: Spot, label: Template, env: Env, _: int) -> bool:
        branches = {f"b{number}": branch for number, branch in enumerate(pick.branches)}
        chosen = str(self.value(label))
        if pick.otherwise is not None:
            branches["otherwise"] = pick.otherwise
            chosen = chosen if chosen in branches else "otherwise"
        if chosen not in branches:
            return False
        anchor.children = []
        for name, branch in branches.items():
            count = len(self.spots)
            inside = dict(env)
            self._wire(branch, _Place(f"{anchor.path}/{name}/", anchor, inside))
            if name == chosen:
                anchor.output = Parts({each: inside[each] for each in branch.output})
                continue
            for spot in list(self.spots.values())[count:]:
                spot.state, spot.is_left_out = "skipped", True
        return True

    def _rounds(self, loop: Rounds, place: _Place) -> Template:
        before, rules = self._ordered(loop, place)
        start = place.given(loop.start)
        anchor = self._add(place, loop.name, "anchor", [], before, **rules)
        anchor.grow = partial(self._grow_rounds, loop, anchor, start, dict(place.env))
        place.order.keep(anchor)
        return Link(anchor)

    def _grow_rounds(self, loop: Rounds, anchor: Spot, start: Template, env: Env, number: int) -> bool:
        state = anchor.output if number > 1 else Later(start.value) if isinstance(start, Const) else start
        if number > 1 and (number > loop.done_at or (number > loop.max_rounds and loop.keeps_last)):
            anchor.looks_at = None
            return True
        if number > loop.max_rounds:
            return False
        earlier = [
            child for child in anchor.children or () if child.path.startswith(f"{anchor.path}#{number - 1}/")
        ]
        inside = {**env, f"{loop.name}_state": state}
        place = _Place(f"{anchor.path}#{number}/", anchor, inside)
        count = len(self.spots)
        self._wire(loop.body, place)
        anchor.output = Parts({name: inside[name] for name in loop.body.output})
        verdict = self._add(place, "verdict", "glue", [anchor.output], [])
        verdict.makes = lambda _: number >= loop.done_at
        for spot in list(self.spots.values())[count:]:
            spot.needs.extend(other for other in earlier if clash(other, spot))
        anchor.looks_at = verdict
        return True

    def _inner(self, inner: Inner, place: _Place) -> Template:
        before, rules = self._ordered(inner, place)
        params = [place.given(given) for given in inner.params]
        anchor = self._add(place, inner.name, "anchor", params, before, within=inner.within, **rules)
        place.order.keep(anchor)
        if anchor.needs or any(isinstance(param, Later) for param in params):
            anchor.grow = partial(self._grow_inner, inner.own, inner.body, anchor)
            return Link(anchor)
        self._grow_inner(inner.own, inner.body, anchor, 0)
        anchor.state = "waiting"
        return Link(anchor) if anchor.is_member else anchor.output

    def _grow_inner(self, own: str, body: Body, anchor: Spot, _: int) -> bool:
        anchor.children = []
        values = self.inputs(anchor)
        env: Env = {f"{own}_p{number}": Const(value) for number, value in enumerate(values)}
        self._wire(body, _Place(f"{anchor.path}/", anchor, env))
        anchor.output = Parts({name: env[name] for name in body.output})
        return True

    def _plan(self, plan: Plan, place: _Place) -> Template:
        made = self._add(place, f"{plan.name}_make", "step", [], [])
        anchor = self._add(place, plan.name, "anchor", [Link(made)], [])
        anchor.grow = partial(self._grow_plan, plan, anchor)
        return Link(anchor)

    def _grow_plan(self, plan: Plan, anchor: Spot, _: int) -> bool:
        anchor.children = anchor.children or []
        replanned = self.spots.get(f"{anchor.path}#2/replan")
        anchor.looks_at = None
        if replanned is None and (plan.is_wrong or anchor.children):
            place = _Place(f"{anchor.path}#2/", anchor, {})
            anchor.looks_at = self._add(place, "replan", "step", [], [])
        elif replanned is None:
            self._planned(plan.steps, anchor, "#1/")
            anchor.renews = plan.second is not None
        else:
            self._planned(plan.second or (), anchor, "#2/")
        return True

    def _planned(self, steps: tuple[Planned, ...], anchor: Spot, prefix: str) -> None:
        place = _Place(f"{anchor.path}{prefix}", anchor, {})
        for step in steps:
            spot = self._add(place, step.key, "step", [Row(tuple(place.env[key] for key in step.needs))], [])
            spot.fails = step.fails
            spot.makes = partial(grown_value, spot.path)
            place.env[step.key] = Link(spot)
        anchor.output = Parts({step.key: place.env[step.key] for step in steps})
