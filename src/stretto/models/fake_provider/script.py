"""What the fake provider is told: latency, faults, changed replies; and what that means for one request.

Everything here is decided from the seed, the request's digest and how often that digest was seen, so that the
order of arrival changes nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from hashlib import blake2b
from typing import Literal, get_args

from stretto.errors import ConfigError

__all__ = ["Fault", "FaultKind", "Latency", "ReplyEdit", "Script", "Treatment", "treatment"]

FaultKind = Literal["429", "500", "503", "stall", "cut", "unfinished", "malformed", "length", "slow"]
LatencyKind = Literal["constant", "uniform", "lognormal", "pareto"]
RetryAfterForm = Literal["seconds", "date"]


@dataclass(frozen=True, slots=True)
class Latency:
    """How long replies take, in seconds, none longer than `max`.

    constant: `seconds`; uniform: `low` to `high`; lognormal: median `seconds`, shape `sigma`;
    pareto: minimum `seconds`, tail index `alpha`.
    """

    kind: LatencyKind = "constant"
    seconds: float = 0.0
    low: float = 0.0
    high: float = 0.0
    sigma: float = 0.5
    alpha: float = 2.0
    max: float = 3600.0

    def sample(self, seed: int, digest: str) -> float:
        """The latency of one request: the distribution inverted at a fixed point (lognormal: Box–Muller)."""
        first, second = _uniform(seed, digest, "latency"), _uniform(seed, digest, "latency too")
        if self.kind == "uniform":
            length = self.low + (self.high - self.low) * first
        elif self.kind == "lognormal":
            normal = math.sqrt(-2 * math.log(1 - first)) * math.cos(2 * math.pi * second)
            length = self.seconds * math.exp(self.sigma * normal)
        elif self.kind == "pareto":
            length = self.seconds / (1 - first) ** (1 / self.alpha)
        else:
            length = self.seconds
        return max(0.0, min(length, self.max))


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault for requests whose text contains `match` (None: all), for a share `rate` of their digests.

    The first `times` requests of a digest are hit (None: all of them). ``429``, ``500`` and ``503`` carry
    `retry_after` (seconds, or as a date); ``slow`` adds `seconds`; ``stall`` sends nothing more for
    `seconds`; ``cut`` closes midway, ``unfinished`` ends a stream there without its last words;
    ``malformed`` sends broken JSON; ``length`` stops midway with that finish reason.
    """

    kind: FaultKind
    match: str | None = None
    times: int | None = 1
    rate: float = 1.0
    retry_after: float | None = None
    retry_after_form: RetryAfterForm = "seconds"
    seconds: float = 3600.0

    def hits(self, text: str, share: float, attempt: int) -> bool:
        """Whether request number `attempt` (from 1) of a digest with this `share` in 0 to 1 is hit."""
        in_time = self.times is None or attempt <= self.times
        return in_time and share < self.rate and (self.match is None or self.match in text)


@dataclass(frozen=True, slots=True)
class ReplyEdit:
    """Changes replies to requests that contain `match`: (old, new) to `replace`, or a whole new `text`."""

    match: str | None = None
    replace: tuple[str, str] | None = None
    text: str | None = None

    def apply(self, request: str, reply: str) -> str:
        """`reply`, changed when `request` is meant."""
        if self.match is not None and self.match not in request:
            return reply
        if self.text is not None:
            return self.text
        return reply.replace(*self.replace) if self.replace else reply


@dataclass(frozen=True, slots=True)
class Script:
    """The whole of it. With `api_key`, requests without that bearer token get 401."""

    latency: Latency = Latency()
    faults: tuple[Fault, ...] = ()
    replies: tuple[ReplyEdit, ...] = ()
    api_key: str | None = None

    def to_json(self) -> str:
        """One line of JSON that `from_json` reads back."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Script:
        """Read a script. Raises `ConfigError` naming the field that is unknown or has a wrong value."""
        try:
            data: object = json.loads(text)
        except ValueError as error:
            raise ConfigError(f"The provider's script is not JSON: {error}.") from error
        top = _object(data, "script", cls)
        latency = _object(top.get("latency", {}), "latency", Latency)
        _one_of(latency.get("kind", "constant"), get_args(LatencyKind), "latency.kind")
        return cls(
            latency=Latency(**latency),  # type: ignore[arg-type]  # the values are checked by _object
            faults=tuple(_fault(item, f"faults[{i}]") for i, item in enumerate(_list(top, "faults"))),
            replies=tuple(_edit(item, f"replies[{i}]") for i, item in enumerate(_list(top, "replies"))),
            api_key=_optional_text(top.get("api_key"), "api_key"),
        )


@dataclass(frozen=True, slots=True)
class Treatment:
    """What one request gets: seconds until the reply's end, a fault or none, and the reply's text."""

    delay: float
    fault: Fault | None
    reply: str


def treatment(script: Script, seed: int, digest: str, request: str, reply: str, attempt: int) -> Treatment:
    """Decide for the `attempt`-th request (from 1) of `digest`; the first fault that hits wins."""
    shares = [_uniform(seed, digest, f"fault {index}") for index in range(len(script.faults))]
    hitting = (f for f, share in zip(script.faults, shares, strict=True) if f.hits(request, share, attempt))
    for edit in script.replies:
        reply = edit.apply(request, reply)
    fault = next(hitting, None)
    slower = fault.seconds if fault is not None and fault.kind == "slow" else 0.0
    return Treatment(script.latency.sample(seed, digest) + slower, fault, reply)


def _uniform(seed: int, digest: str, what: str) -> float:
    """A number in [0, 1) that depends on its arguments alone, the same in every process."""
    raw = blake2b(f"{seed}/{digest}/{what}".encode(), digest_size=7).digest()
    return int.from_bytes(raw) / 2**56


def _fault(data: object, where: str) -> Fault:
    known = _object(data, where, Fault)
    _one_of(known.get("kind"), get_args(FaultKind), f"{where}.kind")
    _one_of(known.get("retry_after_form", "seconds"), get_args(RetryAfterForm), f"{where}.retry_after_form")
    return Fault(**known)  # type: ignore[arg-type]  # the values are checked by _object


def _edit(data: object, where: str) -> ReplyEdit:
    known = _object(data, where, ReplyEdit)
    pair = known.get("replace")
    if pair is not None and not _is_pair(pair):
        raise ConfigError(f"The provider's script: {where}.replace must be a pair of strings, old and new.")
    replace = (str(pair[0]), str(pair[1])) if isinstance(pair, list | tuple) else None
    texts = {name: _optional_text(known.get(name), f"{where}.{name}") for name in ("match", "text")}
    return ReplyEdit(texts["match"], replace, texts["text"])


def _object(data: object, where: str, kind: type[Latency | Fault | ReplyEdit | Script]) -> dict[str, object]:
    """A JSON object whose keys `kind` knows and whose scalars have its types."""
    if not isinstance(data, Mapping):
        raise ConfigError(f"The provider's script: {where} must be an object.")
    types = {field.name: str(field.type) for field in fields(kind)}
    for key, value in data.items():
        if key not in types:
            raise ConfigError(
                f"The provider's script: {where} has no {key!r}. Known: {', '.join(sorted(types))}."
            )
        if not _has_type(value, types[key]):
            raise ConfigError(f"The provider's script: {where}.{key} is {value!r}; it must be {types[key]}.")
    return dict(data)


def _has_type(value: object, declared: str) -> bool:
    """Scalars only; containers are checked where they are read."""
    options = declared.split(" | ")
    if "None" in options and value is None:
        return True
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if "float" in options:
        return is_number and math.isfinite(float(str(value))) and float(str(value)) >= 0
    if "int" in options:
        return is_number and isinstance(value, int) and value >= 0
    return "str" not in options or isinstance(value, str)


def _one_of(value: object, choices: tuple[str, ...], where: str) -> None:
    if value not in choices:
        raise ConfigError(f"The provider's script: {where} is {value!r}. Known: {', '.join(choices)}.")


def _list(data: Mapping[str, object], key: str) -> list[object]:
    value = data.get(key, [])
    if not isinstance(value, list):
        raise ConfigError(f"The provider's script: {key} must be a list.")
    return value


def _is_pair(value: object) -> bool:
    return (
        isinstance(value, list | tuple) and len(value) == 2 and all(isinstance(part, str) for part in value)
    )


def _optional_text(value: object, where: str) -> str | None:
    if value is None or isinstance(value, str):
        return value
    raise ConfigError(f"The provider's script: {where} must be a string.")
