"""Price tables."""

from __future__ import annotations

from datetime import date

import pytest

from stretto.errors import NotFoundError
from stretto_apps.assess.data.prices import (
    GEOGRAPHY,
    ITEMS,
    PROVIDERS,
    commitment,
    egress,
    geography,
    in_european_union,
    price,
    regions,
    support_plan,
)

PLACES = [(provider, region) for provider in PROVIDERS for region in regions(provider)]


@pytest.mark.parametrize(("provider", "region"), PLACES)
@pytest.mark.parametrize("item", ITEMS)
def test_every_item_has_a_price_everywhere(provider: str, region: str, item: str) -> None:
    """Each price is above 0 and carries unit, source, region and a date; an unsure one says so in words."""
    found = price(provider, region, item).evidence("x")
    assert found.value > 0
    assert found.unit.startswith("USD/")
    assert found.region == region
    assert date.fromisoformat(found.as_of or "") < date(2026, 11, 21)
    assert ("check before buying" in found.source) == found.assumption


@pytest.mark.parametrize("provider", PROVIDERS)
def test_four_regions_at_least(provider: str) -> None:
    """Each provider has at least four regions, all with a geography, among them one in the Union and one in
    the US.
    """
    known = regions(provider)
    assert len(known) >= 4
    assert {geography(region) for region in known} >= {"us", "eu"}


def test_the_tables_agree_on_items_and_regions() -> None:
    """A row has exactly one value a region: the last region has a price of its own."""
    from stretto_apps.assess.data import prices

    for provider, table in prices._TABLES.items():
        assert tuple(table) == ITEMS
        for row in table.values():
            assert len(row.values) == len(regions(provider))
            assert row.certain is None or row.certain <= set(regions(provider))
    assert set(GEOGRAPHY) == {region for _, region in PLACES}


def test_known_prices() -> None:
    """Prices everybody can look up stand as published."""
    assert price("aws", "us-east-1", "compute").value == 0.096
    assert price("aws", "eu-central-1", "block-storage").value == 0.0952
    assert price("azure", "eastus", "compute").value == 0.096
    assert price("gcp", "us-central1", "compute").value == 0.0971
    assert not price("gcp", "us-central1", "compute").assumption
    assert price("gcp", "asia-southeast1", "compute").assumption


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("ibm", "x", "compute"), "aws, azure, gcp"),
        (("aws", "eastus", "compute"), "eu-central-1"),
        (("aws", "us-east-1", "lunch"), "object-storage"),
    ],
)
def test_unknown_names_list_the_known(arguments: tuple[str, str, str], words: str) -> None:
    """An unknown provider, region or item raises and says what there is."""
    with pytest.raises(NotFoundError, match=words):
        price(*arguments)


def test_the_union() -> None:
    """Frankfurt lies in the European Union, Virginia and Singapore do not."""
    assert in_european_union("eu-central-1")
    assert not in_european_union("us-east-1")
    assert not in_european_union("southeastasia")


@pytest.mark.parametrize(
    ("provider", "bill", "expected"),
    [
        ("aws", 500.0, 100.0),
        ("aws", 10_000.0, 1_000.0),
        ("aws", 20_000.0, 1_700.0),
        ("aws", 100_000.0, 1_000.0 + 4_900.0 + 1_000.0),
        ("aws", 300_000.0, 1_000.0 + 4_900.0 + 8_500.0 + 1_500.0),
        ("azure", 50_000.0, 100.0),
        ("gcp", 500.0, 29.0),
        ("gcp", 10_000.0, 300.0),
    ],
)
def test_support_plans(provider: str, bill: float, expected: float) -> None:
    """Support is the larger of the plan's floor and its tiers."""
    assert support_plan(provider, bill)[0] == pytest.approx(expected)


def test_egress_tiers() -> None:
    """Within the first tier the list price holds; beyond it the mean price falls and the total rises."""
    first = price("aws", "us-east-1", "egress").value
    assert egress("aws", "us-east-1", 10_000).value == pytest.approx(first)
    assert egress("aws", "us-east-1", 20_000).value == pytest.approx(first * (1 + 0.944) / 2, abs=1e-5)
    totals = [egress("gcp", "europe-west3", gb).value * gb for gb in (500, 5_000, 50_000, 500_000)]
    assert totals == sorted(totals)
    assert egress("gcp", "europe-west3", 0).value == 0.12
    assert egress("aws", "ap-southeast-1", 50_000).assumption


@pytest.mark.parametrize("provider", PROVIDERS)
def test_commitments(provider: str) -> None:
    """A commitment saves a share between a fifth and a half, with its source."""
    found = commitment(provider)
    assert 0.2 <= found.value <= 0.5
    assert found.source
