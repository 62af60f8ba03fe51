"""When common components stop getting security fixes.

Dates are the projects' own community end-of-life dates (vendors sell longer support). `VERSIONS_AS_OF` is the
day the table is judged on: an assessment reads no clock, so that the same request always gives the same
answer.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from stretto_apps.assess.types import Component

__all__ = ["VERSIONS", "VERSIONS_AS_OF", "Support", "canonical_name", "support_of"]

VERSIONS_AS_OF = date(2026, 11, 1)


@dataclass(frozen=True, slots=True)
class Support:
    """What the table knows of one component's version.

    `ends` is None when the component or version is not in the table. `days_left` is negative after the end.
    `newest` is the newest cycle listed. `older_than_table` marks versions before the oldest listed cycle,
    whose end is then given as that cycle's (it came no later).
    """

    component: str
    cycle: str | None
    ends: date | None
    days_left: int | None
    newest: str | None
    older_than_table: bool = False
    assumption: bool = False


# component -> cycles, oldest first: (cycle, last day with fixes)
VERSIONS: Mapping[str, tuple[tuple[str, date], ...]] = {
    "postgresql": (
        ("10", date(2022, 11, 10)),
        ("11", date(2023, 11, 9)),
        ("12", date(2024, 11, 21)),
        ("13", date(2025, 11, 13)),
        ("14", date(2026, 11, 12)),
        ("15", date(2027, 11, 11)),
        ("16", date(2028, 11, 9)),
        ("17", date(2029, 11, 8)),
        ("18", date(2030, 11, 14)),
    ),
    "mysql": (("5.7", date(2023, 10, 31)), ("8.0", date(2026, 4, 30)), ("8.4", date(2032, 4, 30))),
    "mariadb": (
        ("10.5", date(2025, 6, 24)),
        ("10.6", date(2026, 7, 6)),
        ("10.11", date(2028, 2, 16)),
        ("11.4", date(2029, 5, 29)),
    ),
    "mongodb": (
        ("4.4", date(2024, 2, 29)),
        ("5.0", date(2024, 10, 31)),
        ("6.0", date(2025, 7, 31)),
        ("7.0", date(2027, 8, 31)),
        ("8.0", date(2029, 10, 31)),
    ),
    "redis": (("6.2", date(2025, 2, 28)), ("7.2", date(2026, 2, 28)), ("7.4", date(2026, 11, 30))),
    "node": (
        ("14", date(2023, 4, 30)),
        ("16", date(2023, 9, 11)),
        ("18", date(2025, 4, 30)),
        ("20", date(2026, 4, 30)),
        ("22", date(2027, 4, 30)),
        ("24", date(2028, 4, 30)),
    ),
    "python": (
        ("3.7", date(2023, 6, 27)),
        ("3.8", date(2024, 10, 7)),
        ("3.9", date(2025, 10, 31)),
        ("3.10", date(2026, 10, 31)),
        ("3.11", date(2027, 10, 31)),
        ("3.12", date(2028, 10, 31)),
        ("3.13", date(2029, 10, 31)),
        ("3.14", date(2030, 10, 31)),
    ),
    "java": (
        ("8", date(2030, 12, 31)),
        ("11", date(2027, 10, 31)),
        ("17", date(2027, 10, 31)),
        ("21", date(2029, 12, 31)),
    ),
    "php": (
        ("7.4", date(2022, 11, 28)),
        ("8.0", date(2023, 11, 26)),
        ("8.1", date(2025, 12, 31)),
        ("8.2", date(2026, 12, 31)),
        ("8.3", date(2027, 12, 31)),
        ("8.4", date(2028, 12, 31)),
    ),
    "dotnet": (
        ("6", date(2024, 11, 12)),
        ("7", date(2024, 5, 14)),
        ("8", date(2026, 11, 10)),
        ("9", date(2026, 11, 10)),
        ("10", date(2028, 11, 14)),
    ),
    "django": (
        ("3.2", date(2024, 4, 1)),
        ("4.2", date(2026, 4, 30)),
        ("5.1", date(2025, 12, 31)),
        ("5.2", date(2028, 4, 30)),
    ),
    "rails": (
        ("6.1", date(2024, 10, 1)),
        ("7.0", date(2025, 4, 1)),
        ("7.1", date(2025, 10, 1)),
        ("7.2", date(2026, 8, 9)),
        ("8.0", date(2026, 11, 7)),
        ("8.1", date(2027, 10, 10)),
    ),
    "spring-boot": (
        ("2.7", date(2023, 6, 30)),
        ("3.2", date(2024, 12, 31)),
        ("3.5", date(2026, 6, 30)),
        ("4.0", date(2026, 12, 31)),
    ),
    "kubernetes": (
        ("1.27", date(2024, 6, 28)),
        ("1.28", date(2024, 10, 28)),
        ("1.29", date(2025, 2, 28)),
        ("1.30", date(2025, 6, 28)),
        ("1.31", date(2025, 10, 28)),
        ("1.32", date(2026, 2, 28)),
        ("1.33", date(2026, 6, 28)),
        ("1.34", date(2026, 10, 27)),
        ("1.35", date(2027, 2, 28)),
    ),
    "ubuntu": (
        ("18.04", date(2023, 5, 31)),
        ("20.04", date(2025, 5, 31)),
        ("22.04", date(2027, 4, 30)),
        ("24.04", date(2029, 5, 31)),
    ),
    "debian": (("10", date(2024, 6, 30)), ("11", date(2026, 8, 31)), ("12", date(2028, 6, 30))),
    "centos": (("7", date(2024, 6, 30)), ("8", date(2021, 12, 31))),
    "windows-server": (
        ("2012", date(2023, 10, 10)),
        ("2016", date(2027, 1, 12)),
        ("2019", date(2029, 1, 9)),
        ("2022", date(2031, 10, 14)),
    ),
    "sql-server": (
        ("2014", date(2024, 7, 9)),
        ("2016", date(2026, 7, 14)),
        ("2017", date(2027, 10, 12)),
        ("2019", date(2030, 1, 8)),
        ("2022", date(2033, 1, 11)),
    ),
    "elasticsearch": (("7.17", date(2026, 1, 15)),),
    "openssl": (("1.1.1", date(2023, 9, 11)), ("3.0", date(2026, 9, 7))),
    "kafka": (("2.8", date(2022, 9, 18)), ("3.6", date(2025, 3, 18)), ("3.9", date(2026, 3, 18))),
}

# Projects without published end dates: theirs are read off the release rhythm.
_ASSUMED = frozenset({"redis", "kafka"})

_ALIASES: Mapping[str, str] = {
    "postgres": "postgresql",
    "pg": "postgresql",
    "nodejs": "node",
    "node.js": "node",
    "k8s": "kubernetes",
    "eks": "kubernetes",
    "aks": "kubernetes",
    "gke": "kubernetes",
    "jdk": "java",
    "openjdk": "java",
    ".net": "dotnet",
    "asp.net": "dotnet",
    "mongo": "mongodb",
    "mssql": "sql-server",
    "springboot": "spring-boot",
    "spring boot": "spring-boot",
    "windows server": "windows-server",
    "sql server": "sql-server",
    "ruby on rails": "rails",
    "apache kafka": "kafka",
}


def canonical_name(name: str) -> str:
    """The name the table uses: lower case, aliases resolved (`Postgres` is `postgresql`)."""
    plain = name.strip().lower()
    return _ALIASES.get(plain, plain)


def support_of(component: Component, on: date = VERSIONS_AS_OF) -> Support:
    """What the table says about a component's version on a day; unknown parts are None."""
    name = canonical_name(component.name)
    cycles = VERSIONS.get(name, ())
    newest = cycles[-1][0] if cycles else None
    found = _cycle_of(component.version, cycles)
    if found is None:
        return Support(name, None, None, None, newest)
    cycle, ends, older = found
    return Support(name, cycle, ends, (ends - on).days, newest, older, name in _ASSUMED)


def _cycle_of(version: str | None, cycles: tuple[tuple[str, date], ...]) -> tuple[str, date, bool] | None:
    """The cycle a version belongs to (its longest dotted prefix), or the oldest one for older versions."""
    numbers = _numbers(version)
    if not numbers or not cycles:
        return None
    matching = [c for c in cycles if numbers[: len(_numbers(c[0]))] == _numbers(c[0])]
    if matching:
        cycle, ends = max(matching, key=lambda c: len(_numbers(c[0])))
        return cycle, ends, False
    oldest, ends = min(cycles, key=lambda c: _numbers(c[0]))
    return (str(version), ends, True) if numbers < _numbers(oldest) else None


def _numbers(version: str | None) -> tuple[int, ...]:
    """`"v3.9.7-slim"` is (3, 9, 7); empty when there is no leading number."""
    parts: list[int] = []
    for part in (version or "").strip().lstrip("vV").split("."):
        digits = part[: len(part) - len(part.lstrip("0123456789"))]
        if not digits:
            break
        parts.append(int(digits))
    return tuple(parts)
