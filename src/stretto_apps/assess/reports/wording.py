"""Numbers as readers see them: money, percentages, quantities, and where each came from.

Everything here is a function of its arguments alone, so that the same data always reads the same.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING

from stretto_apps.assess.types import Framework, Priority

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from stretto_apps.assess.types import Evidence

FRAMEWORK_NAMES = {
    Framework.GDPR: "GDPR",
    Framework.HIPAA: "HIPAA",
    Framework.PCI_DSS: "PCI DSS",
    Framework.SOC2: "SOC 2",
}
PROVIDER_NAMES = {"aws": "AWS", "azure": "Azure", "gcp": "Google Cloud"}
PRIORITIES = (Priority.CRITICAL, Priority.HIGH, Priority.MEDIUM, Priority.LOW)

_LARGE = 1e15
_SMALL = 1e-9
_SCALES = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "K"))
_PERIODS = {"hour": "an hour", "day": "a day", "month": "a month", "year": "a year"}
_BARE_UNITS = frozenset({"", "count", "number", "ratio", "share", "score"})
_UNREADABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLURAL = re.compile(r"[A-Za-z-]{2,}[^\Ws]s")
_PER = re.compile(r"^(?:USD|US dollars?|\$)\s*(?:/|per|a)?\s*", re.IGNORECASE)


def clean(text: str) -> str:
    """`text` with every character that XML cannot hold replaced by U+FFFD."""
    return _UNREADABLE.sub("\ufffd", text)


def one_line(text: str) -> str:
    """`text` cleaned, with runs of white space folded into single spaces."""
    return " ".join(clean(text).split())


def finite(value: float) -> float:
    """`value`, or 0 where it is infinite or not a number: figures draw nothing for those."""
    return value if math.isfinite(value) else 0.0


def number(value: float) -> str:
    """`value` with thousands separators and no more digits than a reader needs."""
    if not math.isfinite(value):
        return "n/a"
    sign, size = ("−" if value < 0 else ""), abs(value)
    if size != 0 and (size >= _LARGE or size < _SMALL):
        return f"{sign}{size:.2e}"
    return sign + (_small(size) if size < 1 else _trimmed(size))


def _small(size: float) -> str:
    return format(Decimal(f"{size:.4g}"), "f")


def _trimmed(size: float) -> str:
    digits = 0 if size >= 1000 else 1 if size >= 100 else 2
    text = f"{size:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def money(amount: float) -> str:
    """US dollars: whole from $100 up, cents below, four significant digits under a dollar."""
    if not math.isfinite(amount):
        return "n/a"
    sign, size = ("−" if amount < 0 else ""), abs(amount)
    if size >= _LARGE or 0 < size < 1:
        return f"{sign}${number(size)}"
    digits = 0 if size >= 100 or size == 0 else 2
    text = f"{size:,.{digits}f}"
    return f"{sign}${text}" if text != "0" else "$0"


def short_money(amount: float) -> str:
    """US dollars for axes and cards: ``$1.25M``, ``$48.2K``, ``$310``."""
    if not math.isfinite(amount):
        return "n/a"
    sign, size = ("−" if amount < 0 else ""), abs(amount)
    if 10_000 <= size < _LARGE:
        scale, letter = next(pair for pair in _SCALES if size >= pair[0])
        return f"{sign}${float(f'{size / scale:.3g}'):g}{letter}"
    return money(amount)


def percent(share: float) -> str:
    """A share of 1 as a whole percentage; shares that are not quite 0 or 1 never read as such."""
    if not math.isfinite(share):
        return "n/a"
    if 0 < share < 0.01:
        return "under 1%"
    if 0.99 < share < 1:
        return "99%"
    return f"{share * 100:,.0f}%".replace("-", "−")


def duration(seconds: float) -> str:
    """``0.125 s``, ``12.3 s``, ``2 min 5 s``: as many digits as a reader of run times needs."""
    if not math.isfinite(seconds):
        return "n/a"
    if round(seconds, 1) >= 60:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes:,} min {rest} s"
    if seconds < 0.0005:
        return "under 0.001 s" if seconds > 0 else "0 s"
    digits = 3 if seconds < 1 else 2 if seconds < 10 else 1
    return f"{seconds:.{digits}f} s"


def quantity(value: float, unit: str) -> str:
    """`value` with its unit: dollars as money, percent as ``%``, anything else as number and unit."""
    unit = one_line(unit)
    if _is_money(unit):
        rest = _PER.sub("", unit)
        return f"{money(value)} {_PERIODS.get(rest, f'per {rest}')}" if rest else money(value)
    if unit.lower() in {"%", "percent"}:
        return f"{number(value)}%"
    if unit in {"x", "×"}:
        return f"{number(value)}×"
    return number(value) if unit.lower() in _BARE_UNITS else f"{number(value)} {_counted(unit, value)}"


def _counted(unit: str, value: float) -> str:
    """`unit` as it stands after `value`: one rule, but one ms."""
    return unit[:-1] if value == 1 and _PLURAL.fullmatch(unit) else unit


def _is_money(unit: str) -> bool:
    return bool(re.match(r"(?:USD|US dollars?)\b|\$", unit, re.IGNORECASE))


def provenance(evidence: Evidence) -> str:
    """Where a number comes from: source, region and date, and the word "assumption" where it is one."""
    parts = [
        one_line(evidence.source),
        evidence.region,
        f"as of {evidence.as_of}" if evidence.as_of else None,
    ]
    known = ", ".join(part for part in parts if part)
    return f"assumption: {known}" if evidence.assumption else known


def price_provenance(price: Evidence) -> str:
    """As `provenance`, but a price without region or date is called what it is: an assumption."""
    if price.assumption or (price.region and price.as_of):
        return provenance(price)
    return f"assumption, as no {'date' if price.region else 'region'} is known: {provenance(price)}"


def count(amount: int, noun: str, plural: str | None = None) -> str:
    """``1 gap``, ``3 gaps``, ``no gaps``."""
    return f"{amount or 'no'} {noun if amount == 1 else plural or noun + 's'}"


def listed(names: Iterable[str]) -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    items = list(names)
    return " and ".join([", ".join(items[:-1]), items[-1]] if len(items) > 1 else items)


def spans(refs: Sequence[str]) -> str:
    """Numbered names with runs drawn together: ``R1–R3, R7``."""
    runs: list[list[int]] = []
    for index in sorted(int(ref[1:]) for ref in refs):
        if runs and index == runs[-1][-1] + 1:
            runs[-1].append(index)
        else:
            runs.append([index])
    return ", ".join(f"R{run[0]}" if len(run) == 1 else f"R{run[0]}–R{run[-1]}" for run in runs)


def capitalized(text: str) -> str:
    """`text` with its first letter raised, unless its first word is a name such as ``m6i.large``."""
    first = text.split(" ", 1)[0]
    return text[:1].upper() + text[1:] if first.replace("-", "").isalpha() else text


def sentence(text: str) -> str:
    """`text` on one line, ending as a sentence does."""
    line = one_line(text)
    return line if not line or line[-1] in ".!?…" else line + "."


def headline(text: str) -> str:
    """`text` on one line without a closing period."""
    return capitalized(one_line(text).rstrip("."))


def sureness(confidence: float) -> str:
    """A confidence with the word for it: high from 80 %, moderate from 60 %, low below."""
    word = "high" if confidence >= 0.8 else "moderate" if confidence >= 0.6 else "low"
    return f"{percent(confidence)} ({word})"
