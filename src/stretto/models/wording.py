"""Small English: numbers with their units, lists, labels, and sentences made of fragments.

Everything here only restates its arguments: no figure appears that was not given, at most rounded to read
well.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

__all__ = [
    "Lexicon",
    "count_word",
    "is_number",
    "is_plural",
    "join",
    "label_of",
    "number",
    "quantity",
    "sentence",
]

_COUNTS_TEXT = """no one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
    sixteen seventeen eighteen nineteen twenty"""
_ACRONYMS_TEXT = """ai api aws cpu cto dr gb gcp gdpr gpu hipaa hsm http https iam id io iops ip it kms kpi mb
    mfa ml ms p50 p95 p99 pci pii ram rpo rto saas sla slo soc2 sql sso ssd tb tls url vm vpc waf"""
_NAMES_TEXT = """I January February March April May June July August September October November December
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday Amazon Azure Docker Elasticsearch Google
    Java Kafka Kubernetes Linux Microsoft Mongo Nginx Oracle Postgres Prometheus Python Redis Ruby Spark
    Terraform"""
_COUNTS = _COUNTS_TEXT.split()
_ACRONYMS = frozenset(_ACRONYMS_TEXT.split())
_NAMES = frozenset(_NAMES_TEXT.split())
_MONEY = re.compile(r"^(?:usd|\$|us dollars?|dollars?)(?:\s*(?:/|per|an?)\s*(?P<per>.+))?$", re.IGNORECASE)
_PERIODS = {"hour": "an hour", "day": "a day", "week": "a week", "month": "a month", "year": "a year"}
_BARE_UNITS = frozenset({"", "count", "number", "ratio", "fraction", "share", "score"})
_SPELLINGS = {"mlops": "MLOps", "devops": "DevOps", "finops": "FinOps", "postgresql": "PostgreSQL"}
_NAME_KEYS = frozenset({"name", "company", "customer", "vendor", "city", "country", "product", "title"})
_HEAD_ENDS = re.compile(
    r" (?:of|in|per|for|at|on|to|with|from|after|before|within|over|an?|by|needed) |[,(:]"
)


def is_number(value: object) -> bool:
    """Whether `value` is an int or float and not a bool."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def number(value: float) -> str:
    """A number as one writes it: thousands separated, decimals only where they tell something."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e15):
        return f"{int(value):,}"
    size = abs(value)
    if size >= 1e15 or size < 1e-6:
        return f"{value:.4g}"
    decimals = 0 if size >= 10_000 else 1 if size >= 100 else 2 if size >= 1 else 4 if size >= 0.01 else 7
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def quantity(value: object, unit: str = "", label: str = "") -> str:
    """A value with its unit: ``$4,200 a month``, ``99.9%``, ``12 engineers``.

    `label` tells years from counts, and spares a unit that the label names already.
    """
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not isinstance(value, int | float):
        return f"{value} {unit}".strip()
    money = _MONEY.match(unit.strip())
    if money:
        return _money(value, money["per"])
    if unit.strip().lower() in {"%", "percent"}:
        return f"{number(value)}%"
    if unit.strip() in {"x", "×"}:
        return f"{number(value)}×"
    if unit.strip().lower() in _BARE_UNITS:
        return _bare(value, label)
    if _is_said_by(label.lower(), unit.strip().lower()):
        return number(value)
    return f"{number(value)} {_counted(unit.strip(), value)}"


def _is_said_by(label: str, unit: str) -> bool:
    """Whether the label names the unit: ``egress GB``, or ``requests per second`` for ``requests/s``."""
    thing, slash, _ = unit.partition("/")
    return unit in label.split() or (bool(slash) and f"{thing} per " in label)


def _bare(value: float, label: str) -> str:
    is_year = isinstance(value, int) and 1900 <= value <= 2100 and "year" in label.lower()
    return str(value) if is_year else number(value)


def _money(value: float, per: str | None) -> str:
    sign, size = ("-" if value < 0 else ""), abs(value)
    whole = size >= 1000 or float(size).is_integer()
    amount = f"{size:,.0f}" if whole else f"{size:,.2f}" if size >= 1 else number(size)
    rate = f" {_PERIODS.get(per.strip(), f'per {per.strip()}')}" if per else ""
    return f"{sign}${amount}{rate}"


def _counted(unit: str, value: float) -> str:
    first, blank, rest = unit.partition(" ")
    if value == 1 and len(first) > 3 and first.endswith("s") and not first.endswith("ss"):
        first = first[:-1]
    return f"{first}{blank}{rest}"


def count_word(count: int) -> str:
    """``three`` for 3; empty above twenty, where a sentence does better without."""
    return _COUNTS[count] if 0 <= count < len(_COUNTS) else ""


def join(items: Sequence[str], last: str = "and") -> str:
    """``a, b, and c``; with semicolons when an item has commas of its own."""
    has_commas = any(", " in item for item in items)
    if len(items) < 2 or (len(items) == 2 and not has_commas):
        return f" {last} ".join(items)
    separator = "; " if has_commas else ", "
    return f"{separator.join(items[:-1])}{separator}{last} {items[-1]}"


def label_of(key: str) -> str:
    """A field's name as words: ``monthly_budget`` → ``monthly budget``, ``api_slo`` → ``API SLO``."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", key) if "_" not in key and " " not in key else key
    words = re.sub(r"[_\s]+", " ", spaced).strip().split(" ")
    return " ".join(_cased(word) for word in words)


def _cased(word: str) -> str:
    known = _SPELLINGS.get(word.lower(), word)
    return word.upper() if word.lower() in _ACRONYMS else known


def is_plural(label: str) -> bool:
    """Whether a label's head noun looks plural: ``open gaps in GDPR`` does, ``access`` and ``AWS`` do not."""
    head = _HEAD_ENDS.split(label, maxsplit=1)[0].split(" ")[-1]
    return head.endswith("s") and not head.isupper() and not head.endswith(("ss", "us", "is"))


def sentence(text: str) -> str:
    """`text` as a sentence: a capital where the first word is an ordinary one, and a full stop."""
    body = text.strip()
    if not body:
        return ""
    first = re.split(r"[\s,;:]", body, maxsplit=1)[0]
    if first.isalpha() and first.islower():
        body = body[0].upper() + body[1:]
    return body if body.endswith((".", "!", "?", "…")) else f"{body.rstrip(':;,')}."


@dataclass(frozen=True, slots=True)
class Lexicon:
    """Which words of the data are names, so that a phrase moved into mid-sentence keeps the right capital."""

    names: frozenset[str]

    @classmethod
    def of(cls, data: object) -> Lexicon:
        """Names are capitalized words inside the strings of `data`, and the values of its name keys."""
        return cls(_NAMES | frozenset(_capitalized(data)))

    def inner(self, text: str) -> str:
        """`text` for use inside a sentence: no full stop, and a small first letter unless it is a name's."""
        body = text.strip().rstrip(".")
        first = re.split(r"[\s,;:'-]", body, maxsplit=1)[0]
        if first.isalpha() and first[1:].islower() and first not in self.names:
            return body[0].lower() + body[1:]
        return body.replace("A ", "a ", 1) if body.startswith("A ") else body


def _capitalized(data: object, key: str = "") -> Iterator[str]:
    if isinstance(data, Mapping):
        for name, value in data.items():
            yield from _capitalized(value, str(name))
    elif isinstance(data, str):
        words: Iterable[str] = re.findall(r"[^\W\d_][\w]*", data)
        past_sentence_start = re.findall(r"(?<![.!?:])\s+([^\W\d_]\w*)", data)
        wanted = words if key in _NAME_KEYS else past_sentence_start
        yield from (word for word in wanted if word[0].isupper())
    elif isinstance(data, Sequence):
        for value in data:
            yield from _capitalized(value, key)
