"""Facts from JSON: the inverse of `writing`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple, cast

from stretto.core.graph.fragment import CHILDREN, Choice, Fragment, Loop, MapSpec, Node
from stretto.core.graph.graph import Graph
from stretto.core.graph.source import Source
from stretto.core.journal import facts as kinds
from stretto.core.journal.facts import Answer, Created, Verdict, Wait
from stretto.core.journal.forms import read_failure, read_group, read_options, read_places, read_spec
from stretto.core.journal.writing import VERSION
from stretto.core.policy.failure import Cause
from stretto.core.values.decoding import decode_json
from stretto.core.values.encoding import TAG
from stretto.core.values.secret import HIDDEN, loads_hidden
from stretto.errors import DefinitionError, StoreDamagedError, StoreVersionError, ValueEncodingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from stretto.core.graph.spec import StepSpec
    from stretto.core.journal.facts import Fact

__all__ = ["FactReader", "Opaque", "Spent"]

_MALFORMED: Final = (LookupError, TypeError, ValueError, AttributeError, RecursionError, DefinitionError)
"""What reading a form raises that was never written."""


class Opaque(NamedTuple):
    """A value as its journal holds it, for readers without the code that made it. `str` of it is compact JSON."""

    form: object

    def __str__(self) -> str:
        return json.dumps(self.form, ensure_ascii=False, separators=(",", ":"))

    def __hash__(self) -> int:
        return hash(str(self))


class Spent(NamedTuple):
    """How often a step has called models, and what that took; `cost` is in US dollars, None where it is unknown."""

    calls: int
    input_tokens: int
    output_tokens: int
    cost: float | None


class FactReader:
    """Reads the journal of one run, decision by decision, in order.

    `classes` are all that values may be made of (see `decode`); the mapping may grow between decisions. `blob`
    gives the bytes of values that lie apart, by their hash. With `is_opaque` values stay as they are written,
    each an `Opaque`, and neither is needed; secrets are left out of those unless `shows_secrets`.

    After an error a reader reads no more.
    """

    def __init__(
        self,
        classes: Mapping[str, type] | None = None,
        blob: Callable[[str], bytes] | None = None,
        *,
        is_opaque: bool = False,
        shows_secrets: bool = False,
    ) -> None:
        self._classes: Mapping[str, type] = {} if classes is None else classes
        self._blob = blob
        self._is_opaque = is_opaque
        self._hides_secrets = is_opaque and not shows_secrets
        self.has_hidden = False
        """Whether a secret was left out of what was read by now, when it was written or here."""
        self.count = 0
        """How many entries were read."""
        self.specs: dict[int, StepSpec] = {}
        """Declarations by number: the same object wherever one is named."""
        self.versions: dict[StepSpec, str] = {}
        """Which version of its code a step was declared with, where one is known."""
        self.hashes: dict[int, str] = {}
        """The hashes of inputs that came with the last decision, by step."""
        self.usage: dict[int, Spent] = {}
        """What was spent before the last decision and after the one before it, by step."""

    def read(self, body: bytes) -> list[Fact]:
        """The facts of the next decision.

        Raises StoreVersionError for what a newer Stretto wrote, StoreDamagedError for what none wrote, and
        ValueEncodingError for a value whose class is not given or has changed.
        """
        self.count += 1
        try:
            entry = self._loaded(body)
            self._check_version(entry)
            for form in entry.get("s", ()):
                self._declare(form)
            self.hashes = {int(index): str(known) for index, known in entry.get("h", {}).items()}
            self.usage = {int(index): _spent(form) for index, form in entry.get("u", {}).items()}
            return [self._fact(form) for form in entry["f"]]
        except ValueEncodingError as bad:
            where = f"{bad.where} of entry" if bad.where else "entry"
            where = f"{where} {self.count} of the journal"
            raise ValueEncodingError(bad.problem, where=where, type_name=bad.type_name) from None
        except _MALFORMED as bad:
            raise self._damaged(bad) from bad

    def _loaded(self, body: bytes) -> dict[str, Any]:
        if b'"$":"secret"' not in body:
            return cast("dict[str, Any]", json.loads(body))
        self.has_hidden = self.has_hidden or self._hides_secrets or HIDDEN.encode() in body
        return cast("dict[str, Any]", loads_hidden(body) if self._hides_secrets else json.loads(body))

    def _check_version(self, entry: dict[str, object]) -> None:
        if type(entry) is not dict:
            raise TypeError("it is no decision")
        version = entry.get("v")
        if version is None and self.count == 1:
            raise ValueError("it does not say in which format it is written")
        if version is not None and (type(version) is not int or version < 1):
            raise ValueError(f"there is no format {version!r}")
        if version is not None and version > VERSION:
            raise StoreVersionError(
                f"The journal is written in format {version}; this Stretto reads formats up to {VERSION}. "
                "Install the Stretto that wrote it, or a newer one."
            )

    def _damaged(self, bad: Exception) -> StoreDamagedError:
        what = f"there is no {bad}" if isinstance(bad, KeyError) else str(bad)
        return StoreDamagedError(
            f"Entry {self.count} of the journal is damaged: {what or type(bad).__name__}. Restore the store from a "
            "backup; until then the run can be neither shown nor gone on with."
        )

    def _declare(self, form: object) -> None:
        plain = cast("dict[str, Any]", decode_json(form))
        spec = self.specs[len(self.specs)] = read_spec(plain)
        if "version" in plain:
            self.versions[spec] = plain["version"]

    def _fact(self, form: list[Any]) -> Fact:
        kind, step, attempt, at = form[:4]
        if not (type(kind) is type(step) is type(attempt) is int) or type(at) not in (int, float):
            raise TypeError(f"{form[:4]} begins no fact")
        if kind not in _KINDS:
            raise StoreVersionError(
                f"Entry {self.count} of the journal holds a fact of kind {kind}, which this Stretto does not know: a "
                "newer one wrote it. Install that one."
            )
        return kind, step, attempt, at, self._data(kind, form)

    def _data(self, kind: int, form: list[object]) -> object:
        if len(form) == 4:
            return Opaque(None) if self._is_opaque and kind in _VALUES else None
        read = _READERS.get(kind)
        return decode_json(form[4]) if read is None else read(self, form[4])

    # ---------------------------------------------------------------- what facts hold

    def _value(self, form: object) -> object:
        if self._is_opaque:
            return Opaque(form)
        if type(form) is dict and form.get(TAG) == "blob":
            form = self._apart(form["hash"])
        return decode_json(form, self._classes)

    def _apart(self, digest: str) -> object:
        if self._blob is None:
            raise ValueError("it has values that lie apart, and nothing was given to find them")
        data = self._blob(digest)
        self.has_hidden = self.has_hidden or HIDDEN.encode() in data
        return json.loads(data)

    def _failed(self, form: object) -> object:
        failure, draw = cast("list[Any]", decode_json(form))
        return read_failure(failure), draw

    def _retrying(self, form: object) -> object:
        until, failure = cast("list[Any]", decode_json(form))
        return until, read_failure(failure)

    def _failure(self, form: object) -> object:
        return read_failure(cast("dict[str, object]", decode_json(form)))

    def _wait(self, form: dict[str, Any]) -> object:
        until = cast("float | None", decode_json(form.get("until")))
        default = tuple([self._value(each) for each in form.get("default", ())])
        return Wait(form["kind"], _text(form["text"]), until, default)

    def _answer(self, form: dict[str, Any]) -> object:
        by, note = _text(form.get("by", "")), _text(form.get("note", ""))
        return Answer(Verdict(form["verdict"]), self._value(form["value"]), by, note, form.get("letter", 0))

    def _wait_ended(self, form: dict[str, Any]) -> object:
        return self._failure(form["failure"]) if "failure" in form else self._value(form["value"])

    def _created(self, form: dict[str, Any]) -> object:
        return Created(
            _text(form["workflow"]),
            self._graph(form["graph"]),
            read_options(cast("dict[str, object]", decode_json(form["options"]))),
            {_text(name): cast("float", decode_json(seconds)) for name, seconds in form["estimates"]},
            {_text(name): self._value(value) for name, value in form["inputs"]},
            _text(form.get("version", "")),
        )

    # ---------------------------------------------------------------- steps and edges

    def _graph(self, form: dict[str, Any]) -> Graph:
        fragment = self._fragment(form)
        graph = Graph()
        for node in fragment.nodes:
            graph.add(node.spec, node.name, node.args, node.kwargs, node.deps, node.scope)
        graph.defaults.update(fragment.defaults)
        for place, rule in fragment.rules.items():
            if isinstance(rule, MapSpec):
                graph.maps[place] = rule
            elif isinstance(rule, (Choice, Loop)):
                graph.bodies[place] = rule
        graph.children.update(fragment.known)
        graph.outputs.update(fragment.outputs)
        graph.output = fragment.output
        for group in fragment.groups:
            graph.group_of.update(dict.fromkeys(group.members, len(graph.groups)))
            graph.groups.append(group)
        return graph

    def _fragment(self, form: dict[str, Any]) -> Fragment:
        return Fragment(
            self._nodes(form["nodes"]),
            {place: self._value(value) for place, value in form.get("defaults", ())},
            form["frame"],
            {place: self._rule(rule) for place, rule in form.get("rules", ())},
            {anchor: read_places(places) for anchor, *places in form.get("known", ())},
            tuple([read_group(cast("list[Any]", decode_json(group))) for group in form.get("groups", ())]),
            self._template(form["output"][0]) if "output" in form else CHILDREN,
            {place: self._template(output) for place, output in form.get("outputs", ())},
            form.get("looks_at"),
            form.get("renews", False),
            frozenset(form.get("unchosen", ())),
        )

    def _nodes(self, forms: Iterable[list[Any]]) -> tuple[Node, ...]:
        nodes: list[Node] = []
        for number, name, scope, deps, args, *named in forms:
            if not named:
                kwargs = None
            elif type(named[0]) is int:
                kwargs = nodes[named[0]].kwargs
            else:
                kwargs = self._named(named[0])
            templates = tuple([self._template(part) for part in args])
            known = name if type(name) is int else _text(name)
            nodes.append(Node(self._spec(number), known, templates, kwargs, tuple(deps), scope))
        return tuple(nodes)

    def _spec(self, number: int) -> StepSpec:
        try:
            return self.specs[number]
        except KeyError:
            raise ValueError(f"it names declaration {number}, which no entry has made") from None

    def _named(self, forms: dict[str, object]) -> dict[str, object]:
        return {name: self._template(part) for name, part in forms.items()}

    def _rule(self, form: dict[str, Any]) -> object:
        if "map" in form:
            return self._map(form)
        return self._choice(form) if "choice" in form else self._loop(form)

    def _map(self, form: dict[str, Any]) -> MapSpec:
        return MapSpec(
            self._spec(form["map"]),
            self._template(form["items"]),
            self._named(form["fixed"]) if "fixed" in form else None,
            tuple(form.get("after", ())),
            form.get("shape_of"),
            tuple([self._value(value) for value in form.get("default", ())]),
        )

    def _choice(self, form: dict[str, Any]) -> Choice:
        return Choice(
            self._fragment(form["choice"]),
            {decode_json(label): range(start, stop) for label, start, stop in form["parts"]},
            {decode_json(label): self._template(output) for label, output in form["outputs"]},
            decode_json(form.get("otherwise")),
        )

    def _loop(self, form: dict[str, Any]) -> Loop:
        verdict = self._template(form["verdict"])
        if not isinstance(verdict, Source):
            raise TypeError("a loop's verdict is not what a step gives")
        return Loop(
            self._fragment(form["loop"]),
            self._template(form["start"]),
            verdict,
            form["rounds"],
            form["keeps_last"],
        )

    # ---------------------------------------------------------------- templates

    def _template(self, form: object) -> object:
        if not _takes_values(form):
            return self._value(form)
        if type(form) is list:
            return [self._template(part) for part in form]
        entries = cast("dict[str, Any]", form)
        tag = entries.get(TAG)
        if tag is None:
            return self._named(entries)
        if tag == "source":
            return Source(entries["i"], tuple([(how, self._key(key)) for how, key in entries.get("p", ())]))
        if tag == "tuple":
            return tuple([self._template(part) for part in entries["v"]])
        return {self._key(key): self._template(part) for key, part in entries["v"]}

    def _key(self, form: object) -> Any:
        """Plain keys are read even where values are not: what a template takes is found by them."""
        return self._value(form) if type(form) is dict else form


def _text(form: object) -> str:
    text = decode_json(form)
    if type(text) is not str:
        raise TypeError(f"text expected, not {type(text).__name__}")
    return text


def _takes_values(form: object) -> bool:
    """Whether a template, as it is written, has sources in it."""
    if type(form) is list:
        return any(map(_takes_values, form))
    if type(form) is not dict:
        return False
    tag = form.get(TAG)
    if tag is None:
        return any(map(_takes_values, form.values()))
    if tag == "dict":
        return any(_takes_values(part) for _, part in form["v"])
    return tag == "source" or (tag == "tuple" and any(map(_takes_values, form["v"])))


_READERS: Final[Mapping[int, Callable[..., object]]] = {
    kinds.RUN_CREATED: FactReader._created,
    kinds.ATTEMPT_SUCCEEDED: FactReader._value,
    kinds.ATTEMPT_REUSED: FactReader._value,
    kinds.ATTEMPT_FAILED: FactReader._failed,
    kinds.ATTEMPT_GREW: FactReader._fragment,
    kinds.WAIT_BEGAN: FactReader._wait,
    kinds.ANSWERED: FactReader._answer,
    kinds.ATTEMPT_LOST: FactReader._wait,
    kinds.STEP_RETRYING: FactReader._retrying,
    kinds.STEP_FAILED: FactReader._failure,
    kinds.STEP_DEFAULTED: FactReader._value,
    kinds.STEP_SKIPPED: FactReader._failure,
    kinds.ATTEMPT_TIMED_OUT: FactReader._failure,
    kinds.WAIT_ENDED: FactReader._wait_ended,
    kinds.RUN_FAILED: lambda _, form: Cause(form),
}
"""How the data of a kind is read; that of others is a plain number or text."""

_VALUES: Final = frozenset((kinds.ATTEMPT_SUCCEEDED, kinds.ATTEMPT_REUSED, kinds.STEP_DEFAULTED))

_KINDS: Final = frozenset(
    value for name, value in vars(kinds).items() if name.isupper() and type(value) is int and value > 0
)


def _spent(form: object) -> Spent:
    calls, given, made, cost = cast("list[Any]", form)
    if not (type(calls) is type(given) is type(made) is int and (cost is None or type(cost) in (int, float))):
        raise TypeError(f"{form} is no usage")
    return Spent(calls, given, made, cost)
