"""Facts as JSON, exactly: what a journal on disk holds of a decision.

A decision is one line, an object with

=======  ==========================================================================================
``v``    the format's `VERSION`, in the first line of a journal
``f``    its facts: ``[kind, step, attempt, at, data]``, without data where there is none
``s``    declarations of steps that it names first; their numbers go on from those of earlier lines
``h``    hashes of inputs by step index, where the caller gave some
``u``    what was spent since the line before, by step index: ``[calls, input tokens, output tokens, cost]``
=======  ==========================================================================================

Values are written by `values.encoding`. Templates of inputs are values with one form more,
``{"$": "source", "i": index, "p": projection}``; a value that lies apart is ``{"$": "blob", "hash": …, "size": …}``.
These forms are on disks: they may be added to, never changed.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, cast

from stretto.core.graph.fragment import CHILDREN, Choice, Loop, MapSpec
from stretto.core.graph.source import Source
from stretto.core.graph.template import sources_in
from stretto.core.journal import facts as kinds
from stretto.core.journal.forms import Form, failure_form, group_form, options_form, places_form, spec_form
from stretto.core.policy.failure import Failure
from stretto.core.values.encoding import TAG, encode, encode_json
from stretto.errors import StrettoError, ValueEncodingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from stretto.core.graph.fragment import Fragment, Node
    from stretto.core.graph.graph import Graph
    from stretto.core.graph.spec import StepSpec
    from stretto.core.journal.facts import Answer, Created, Fact, Wait
    from stretto.core.journal.reading import FactReader

__all__ = ["VALUED", "VERSION", "FactWriter"]

VERSION: Final = 1

VALUED: Final = frozenset((kinds.ATTEMPT_SUCCEEDED, kinds.ATTEMPT_REUSED))
"""Kinds whose data may come as text that was made earlier."""


class FactWriter:
    """Writes the facts of one run, decision by decision, in order.

    `names` gives classes the names to be known by (see `encode`). `version_of` says which version of its code a
    step was declared with; it is kept with the declaration. Secrets are written with `keeps_secrets` only.
    """

    def __init__(
        self,
        names: Mapping[type, str] | None = None,
        version_of: Callable[[StepSpec], str | None] | None = None,
        *,
        keeps_secrets: bool = False,
    ) -> None:
        self._names = names
        self._keeps_secrets = keeps_secrets
        self._version_of = version_of
        self._numbers: dict[StepSpec, int] = {}
        self._new: list[StepSpec] = []
        self._is_begun = False

    @classmethod
    def after(
        cls,
        reader: FactReader,
        names: Mapping[type, str] | None = None,
        version_of: Callable[[StepSpec], str | None] | None = None,
        *,
        keeps_secrets: bool = False,
    ) -> FactWriter:
        """One that goes on with the journal which `reader` has read to its end."""
        writer = cls(names, version_of, keeps_secrets=keeps_secrets)
        writer._numbers = {spec: number for number, spec in reader.specs.items()}
        writer._is_begun = reader.count > 0
        return writer

    def write(
        self,
        facts: Sequence[Fact],
        texts: Mapping[tuple[int, int], str] | None = None,
        hashes: Mapping[int, str] | None = None,
        usage: Mapping[int, Sequence[float | None]] | None = None,
    ) -> bytes:
        """One decision as one line of UTF-8, without its end.

        `texts` are values of attempts that succeeded, or were reused, by (step, attempt), as `encode` wrote them;
        they are taken over as they are. `hashes` are
        hexadecimal digits by step; they come back as `FactReader.hashes`, and `usage`, four numbers by step, as
        `FactReader.usage`.

        Raises ValueEncodingError for values that would not come back; the next decision is then written as if
        this one had never been given.
        """
        try:
            line = self._line(facts, texts, hashes, usage).encode()
        except BaseException:
            for spec in self._new:
                del self._numbers[spec]
            raise
        finally:
            self._new = []
        self._is_begun = True
        return line

    def _line(
        self,
        facts: Sequence[Fact],
        texts: Mapping[tuple[int, int], str] | None,
        hashes: Mapping[int, str] | None,
        usage: Mapping[int, Sequence[float | None]] | None,
    ) -> str:
        begin = '{"f":[' if self._is_begun else f'{{"v":{VERSION},"f":['
        line = begin + ",".join([self._fact(fact, texts) for fact in facts]) + "]"
        if self._new:
            line += f',"s":[{",".join([self._declaration(spec) for spec in self._new])}]'
        if hashes:
            known = [f'"{index}":"{digest}"' for index, digest in hashes.items()]
            line += f',"h":{{{",".join(known)}}}'
        if usage:
            line += f',"u":{_text({str(index): list(numbers) for index, numbers in usage.items()})}'
        return line + "}"

    def _fact(self, fact: Fact, texts: Mapping[tuple[int, int], str] | None) -> str:
        kind, step, attempt, at, data = fact
        text = texts.get((step, attempt)) if texts and kind in VALUED else None
        if text is None:
            if data is None:
                return f"[{kind},{step},{attempt},{at!r}]"
            text = _WRITERS[kind](self, data) if kind in _WRITERS else encode(data)
        return f"[{kind},{step},{attempt},{at!r},{text}]"

    # ---------------------------------------------------------------- what facts hold

    def _value(self, value: object) -> str:
        return encode(value, self._names, keeps_secrets=self._keeps_secrets)

    def _form(self, value: object) -> object:
        return encode_json(value, self._names, keeps_secrets=self._keeps_secrets)

    def _failed(self, data: tuple[Failure, float]) -> str:
        failure, draw = data
        return encode([failure_form(failure), draw])

    def _retrying(self, data: tuple[float, Failure]) -> str:
        until, failure = data
        return encode([until, failure_form(failure)])

    def _failure(self, failure: Failure) -> str:
        return encode(failure_form(failure))

    def _grown(self, fragment: Fragment) -> str:
        return _text(self._fragment(fragment))

    def _wait(self, wait: Wait) -> str:
        form: Form = {"kind": wait.kind, "text": encode_json(wait.text)}
        if wait.until is not None:
            form["until"] = encode_json(wait.until)
        if wait.default:
            form["default"] = [self._form(value) for value in wait.default]
        return _text(form)

    def _answer(self, answer: Answer) -> str:
        form: Form = {"verdict": answer.verdict.value, "value": self._form(answer.value)}
        form |= {"by": encode_json(answer.by)} if answer.by else {}
        form |= {"note": encode_json(answer.note)} if answer.note else {}
        form |= {"letter": answer.letter} if answer.letter else {}
        return _text(form)

    def _wait_ended(self, data: object) -> str:
        if isinstance(data, Failure):
            return encode({"failure": failure_form(data)})
        return f'{{"value":{self._value(data)}}}'

    def _plain_text(self, data: object) -> str:
        return encode(str(data))

    def _created(self, created: Created) -> str:
        form: Form = {
            "workflow": encode_json(created.workflow),
            "options": encode_json(options_form(created.options)),
            "estimates": [
                [encode_json(name), encode_json(seconds)] for name, seconds in created.estimates.items()
            ],
            "inputs": [[encode_json(name), self._form(value)] for name, value in created.inputs.items()],
        }
        if created.version:
            form["version"] = encode_json(created.version)
        form["graph"] = self._graph(created.graph)
        return _text(form)

    # ---------------------------------------------------------------- steps and edges

    def _graph(self, graph: Graph) -> Form:
        if graph.looks:
            raise StrettoError(
                "A run's graph is written before the run begins; this one has gone through rounds."
            )
        return self._fragment(graph.as_fragment())

    def _fragment(self, fragment: Fragment) -> Form:
        form: Form = {"nodes": self._nodes(fragment.nodes), "frame": fragment.frame}
        if fragment.output is not CHILDREN:
            form["output"] = [self._template(fragment.output)]
        if fragment.defaults:
            form["defaults"] = [[place, self._form(value)] for place, value in fragment.defaults.items()]
        if fragment.rules:
            form["rules"] = [[place, self._rule(rule)] for place, rule in fragment.rules.items()]
        if fragment.known:
            form["known"] = [[anchor, *places_form(children)] for anchor, children in fragment.known.items()]
        if fragment.groups:
            form["groups"] = [encode_json(group_form(group)) for group in fragment.groups]
        if fragment.outputs:
            form["outputs"] = [[place, self._template(output)] for place, output in fragment.outputs.items()]
        if fragment.looks_at is not None:
            form["looks_at"] = fragment.looks_at
        if fragment.renews:
            form["renews"] = True
        if fragment.unchosen:
            form["unchosen"] = sorted(fragment.unchosen)
        return form

    def _nodes(self, nodes: Iterable[Node]) -> list[object]:
        """Keyword arguments that many uses share (those of a map do) are written once: the others name the place of
        the use that has them."""
        written: list[object] = []
        shared: dict[int, int] = {}
        for place, node in enumerate(nodes):
            try:
                written.append(self._node(node, shared, place))
            except ValueEncodingError as bad:
                raise ValueEncodingError(
                    bad.problem, where=bad.where, type_name=bad.type_name, step=str(node.name)
                ) from None
        return written

    def _node(self, node: Node, shared: dict[int, int], place: int) -> list[object]:
        name = node.name if type(node.name) is int else encode_json(node.name)
        args = [self._template(part) for part in node.args]
        form: list[object] = [self._number(node.spec), name, node.scope, node.deps, args]
        if node.kwargs is not None:
            first = shared.setdefault(id(node.kwargs), place)
            form.append(self._named(node.kwargs) if first == place else first)
        return form

    def _named(self, templates: dict[str, object]) -> Form:
        return {name: self._template(part) for name, part in templates.items()}

    def _rule(self, rule: object) -> Form:
        if isinstance(rule, MapSpec):
            return self._map(rule)
        if isinstance(rule, Choice):
            return self._choice(rule)
        return self._loop(cast("Loop", rule))

    def _map(self, rule: MapSpec) -> Form:
        form: Form = {"map": self._number(rule.target), "items": self._template(rule.items)}
        if rule.fixed is not None:
            form["fixed"] = self._named(rule.fixed)
        if rule.after:
            form["after"] = rule.after
        if rule.shape_of is not None:
            form["shape_of"] = rule.shape_of
        if rule.default:
            form["default"] = [self._form(value) for value in rule.default]
        return form

    def _choice(self, rule: Choice) -> Form:
        form: Form = {
            "choice": self._fragment(rule.body),
            "parts": [[encode_json(label), part.start, part.stop] for label, part in rule.parts.items()],
            "outputs": [
                [encode_json(label), self._template(output)] for label, output in rule.outputs.items()
            ],
        }
        if rule.otherwise is not None:
            form["otherwise"] = encode_json(rule.otherwise)
        return form

    def _loop(self, rule: Loop) -> Form:
        return {
            "loop": self._fragment(rule.body),
            "start": self._template(rule.start),
            "verdict": self._template(rule.verdict),
            "rounds": rule.max_rounds,
            "keeps_last": rule.keeps_last,
        }

    # ---------------------------------------------------------------- templates

    def _template(self, template: object) -> object:
        if isinstance(template, Source):
            path = [[how, self._form(key)] for how, key in template._projection]
            return (
                {TAG: "source", "i": template._index, "p": path}
                if path
                else {TAG: "source", "i": template._index}
            )
        if not sources_in(template):
            return self._form(template)
        if type(template) is dict:
            return self._dict(template)
        parts = [self._template(part) for part in cast("Iterable[object]", template)]
        return parts if type(template) is list else {TAG: "tuple", "v": parts}

    def _dict(self, template: dict[object, object]) -> Form:
        """Keys take the form that they have in a plain dict, whose values stand in for the templates."""
        keys = cast("Form", self._form(dict.fromkeys(template)))
        parts = [self._template(part) for part in template.values()]
        if TAG not in keys:
            return dict(zip(keys, parts, strict=True))
        pairs = cast("list[list[object]]", keys["v"])
        return {TAG: "dict", "v": [[key, part] for (key, _), part in zip(pairs, parts, strict=True)]}

    # ---------------------------------------------------------------- declarations

    def _number(self, spec: StepSpec) -> int:
        number = self._numbers.get(spec)
        if number is None:
            number = self._numbers[spec] = len(self._numbers)
            self._new.append(spec)
        return number

    def _declaration(self, spec: StepSpec) -> str:
        form = spec_form(spec)
        version = None if self._version_of is None else self._version_of(spec)
        if version is not None:
            form["version"] = version
        return encode(form)


# See values/encoding.py: one encoder for all texts.
_text: Final[Callable[[object], str]] = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":")
).encode


_WRITERS: Final[Mapping[int, Callable[..., str]]] = {
    kinds.RUN_CREATED: FactWriter._created,
    kinds.ATTEMPT_SUCCEEDED: FactWriter._value,
    kinds.ATTEMPT_REUSED: FactWriter._value,
    kinds.ATTEMPT_FAILED: FactWriter._failed,
    kinds.ATTEMPT_GREW: FactWriter._grown,
    kinds.WAIT_BEGAN: FactWriter._wait,
    kinds.ANSWERED: FactWriter._answer,
    kinds.ATTEMPT_LOST: FactWriter._wait,
    kinds.STEP_RETRYING: FactWriter._retrying,
    kinds.STEP_FAILED: FactWriter._failure,
    kinds.STEP_DEFAULTED: FactWriter._value,
    kinds.STEP_SKIPPED: FactWriter._failure,
    kinds.ATTEMPT_TIMED_OUT: FactWriter._failure,
    kinds.WAIT_ENDED: FactWriter._wait_ended,
    kinds.RUN_FAILED: FactWriter._plain_text,
    kinds.RUN_CANCELLED: FactWriter._plain_text,
    kinds.CANCEL_REQUESTED: FactWriter._plain_text,
    kinds.CANCEL_AT_ONCE: FactWriter._plain_text,
    kinds.STEP_CANCELLED: FactWriter._plain_text,
}
"""How the data of a kind is written; that of others is a plain number."""
