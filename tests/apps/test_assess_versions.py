"""End-of-life table."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from apps.assess_requests import component
from stretto_apps.assess.data.versions import VERSIONS, VERSIONS_AS_OF, canonical_name, support_of


@pytest.mark.parametrize(
    ("name", "version", "cycle", "ends"),
    [
        ("postgresql", "11", "11", date(2023, 11, 9)),
        ("Postgres", "12.9", "12", date(2024, 11, 21)),
        ("python", "3.9.7", "3.9", date(2025, 10, 31)),
        ("python", "v3.10", "3.10", date(2026, 10, 31)),
        ("k8s", "1.30.4", "1.30", date(2025, 6, 28)),
        ("nodejs", "18-alpine", "18", date(2025, 4, 30)),
        ("windows server", "2012 R2", "2012", date(2023, 10, 10)),
        ("mariadb", "10.11.2", "10.11", date(2028, 2, 16)),
        (".NET", "8.0", "8", date(2026, 11, 10)),
    ],
)
def test_known_dates(name: str, version: str, cycle: str, ends: date) -> None:
    """Names are matched by alias and case, versions by their longest dotted prefix."""
    found = support_of(component(name, version))
    assert (found.cycle, found.ends) == (cycle, ends)


def test_prefixes_are_whole_numbers() -> None:
    """3.1 is not a prefix of 3.10, nor 1.3 of 1.30."""
    assert support_of(component("python", "3.10")).cycle == "3.10"
    assert support_of(component("python", "3.1")).older_than_table
    assert support_of(component("kubernetes", "1.3")).older_than_table
    assert support_of(component("postgresql", "150")).ends is None


def test_older_than_the_table() -> None:
    """A version before the oldest listed ended no later than that one."""
    found = support_of(component("postgresql", "9.6"))
    assert found.older_than_table
    assert found.ends == date(2022, 11, 10)
    assert found.days_left is not None
    assert found.days_left < 0


@pytest.mark.parametrize(
    ("name", "version"),
    [
        ("postgresql", None),
        ("postgresql", ""),
        ("postgresql", "latest"),
        ("homegrown", "1.0"),
        ("python", "9.0"),
    ],
)
def test_unknown_stays_unknown(name: str, version: str | None) -> None:
    """Without a version, with one the table lacks, or for an unlisted component no date is invented."""
    found = support_of(component(name, version))
    assert (found.ends, found.days_left) == (None, None)


def test_days_left_are_counted_from_the_day_given() -> None:
    """The last day with fixes has 0 days left, the next one is over."""
    last = date(2027, 11, 11)
    assert support_of(component("postgresql", "15"), last).days_left == 0
    assert support_of(component("postgresql", "15"), last + timedelta(days=1)).days_left == -1


def test_the_table_is_in_order() -> None:
    """Cycles are listed oldest first, names are canonical, and the newest one is named."""
    for name, cycles in VERSIONS.items():
        numbers = [tuple(int(part) for part in cycle.split(".")) for cycle, _ in cycles]
        assert numbers == sorted(numbers)
        assert canonical_name(name) == name
        assert support_of(component(name, cycles[0][0])).newest == cycles[-1][0]


def test_the_wanted_components_are_there() -> None:
    """The components companies mostly run are in the table."""
    assert {
        "postgresql",
        "mysql",
        "node",
        "python",
        "redis",
        "kubernetes",
        "ubuntu",
        "java",
        "django",
    } <= set(VERSIONS)
    assert date(2026, 1, 1) < VERSIONS_AS_OF < date(2026, 11, 21)
