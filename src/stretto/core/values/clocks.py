"""Date-times and times, whose zones decide whether they come back equal.

A zone is a fixed offset (`datetime.timezone`) or named (`zoneinfo.ZoneInfo`). The fixed offsets that pydantic
puts into what it parses become `datetime.timezone` at once, so that a consumer sees the same before and after
an interruption.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import datetime, time, timedelta, timezone, tzinfo

from stretto.core.values.atoms import Unfit, load_stdlib, stdlib_name

__all__ = ["ClockForm", "plain_datetime", "plain_time", "read_datetime", "read_time", "write_clock"]


def plain_datetime(value: datetime) -> datetime:
    """The same instant and wall clock in a zone that can be written down; the same object where it already
    is.

    Raises `Unfit` for any other zone.
    """
    zone = value.tzinfo
    if zone is None or type(zone) is timezone:
        return value
    plain = _plain_zone(zone)
    return value if plain is zone else value.replace(tzinfo=plain)


def plain_time(value: time) -> time:
    """Like `plain_datetime`, for a time of day."""
    zone = value.tzinfo
    if zone is None or type(zone) is timezone:
        return value
    plain = _plain_zone(zone)
    return value if plain is zone else value.replace(tzinfo=plain)


def write_clock(value: datetime | time) -> dict[str, object]:
    """ISO 8601 text, and apart from it what that cannot say: zone key, a zone's own name, `fold`.

    An offset that is no whole number of minutes is apart as well, in microseconds: the standard has no such
    offsets, and `fromisoformat` takes the smallest for zero.
    """
    plain = plain_datetime(value) if isinstance(value, datetime) else plain_time(value)
    zone = plain.tzinfo
    form: dict[str, object] = {"v": plain.isoformat()}
    if isinstance(zone, timezone):
        form.update(_write_offset(plain, zone))
    elif zone is not None:
        form = {"v": plain.replace(tzinfo=None).isoformat(), "zone": str(zone)}
    if plain.fold:
        form["fold"] = 1
    return form


def _write_offset(plain: datetime | time, zone: timezone) -> dict[str, object]:
    form: dict[str, object] = {}
    offset, name = zone.utcoffset(None), zone.tzname(None)
    if offset % timedelta(minutes=1):
        form = {"v": plain.replace(tzinfo=None).isoformat(), "offset": offset // timedelta(microseconds=1)}
    if name != timezone(offset).tzname(None):
        form["name"] = name
    return form


@dataclass(frozen=True, slots=True)
class ClockForm:
    """What `write_clock` wrote, its types checked."""

    v: str
    zone: str | None = None
    offset: int | None = None
    name: str | None = None
    fold: int = 0


def read_datetime(form: ClockForm) -> datetime:
    """The inverse of `write_clock`. Raises `ValueError` for bad text, `KeyError` for an unknown zone."""
    value = datetime.fromisoformat(form.v)
    return value.replace(tzinfo=_read_zone(value.tzinfo, form), fold=form.fold)


def read_time(form: ClockForm) -> time:
    """The inverse of `write_clock`. Raises `ValueError` for bad text, `KeyError` for an unknown zone."""
    value = time.fromisoformat(form.v)
    return value.replace(tzinfo=_read_zone(value.tzinfo, form), fold=form.fold)


def _read_zone(zone: tzinfo | None, form: ClockForm) -> tzinfo | None:
    if form.zone is not None:
        named: tzinfo = load_stdlib("zone")(form.zone)
        return named
    offset = None if zone is None else zone.utcoffset(None)
    if form.offset is not None:
        offset = timedelta(microseconds=form.offset)
    if offset is None:
        return None
    return timezone(offset) if form.name is None else timezone(offset, form.name)


def _plain_zone(zone: tzinfo) -> tzinfo:
    cls = type(zone)
    if stdlib_name(cls) == "zone":
        if getattr(zone, "key", None) is None:
            raise Unfit("this zone has no key: make it with zoneinfo.ZoneInfo('Area/City')")
        return zone
    if cls is getattr(sys.modules.get("pydantic_core"), "TzInfo", None):
        offset = zone.utcoffset(None)
        return zone if offset is None else timezone(offset)
    raise Unfit(
        f"its zone is a {cls.__module__}.{cls.__qualname__}, whose rules cannot be written down: "
        "use datetime.timezone or zoneinfo.ZoneInfo"
    )
