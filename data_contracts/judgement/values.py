"""SQL that turns delivered text into values: times with a known zone, numbers, booleans, days. NULL where it is none.

All times come out as TIMESTAMP meaning UTC. DuckDB's cast to TIMESTAMP drops an offset silently, so text with a zone is
always cast to TIMESTAMP WITH TIME ZONE first. Years that a clock cannot show (before 1678, after 2261) are no times:
arithmetic of dates and of zones would break on them.
"""

from __future__ import annotations

from collections.abc import Iterable

from data_contracts.sources.model import Source
from infra.engine import literal

# how many digits, so that thousandths are not taken for seconds, and how many microseconds one is
_SINCE_1970 = {"epoch": (r"\d{9,10}", 1_000_000), "epoch_ms": (r"\d{12,13}", 1_000)}
_ZONE_AT_END = r":\d\d(\.\d+)?\s?(Z|[+-]\d\d(:?\d\d)?)$"


def one_of(expression: str, words: Iterable[str]) -> str:
    """Text that is one of a few words or NULL, kept as a number; it compares and prints as the text that it is."""
    return f"({expression})::ENUM ({', '.join(map(literal, words))})"


def has_zone(text: str) -> str:
    """Whether a time is written with its zone."""
    return f"(suffix({text}, 'Z') OR regexp_matches({text}, '{_ZONE_AT_END}'))"


def instant(text: str, source: Source) -> str:
    """A time, as UTC: ISO 8601 with its zone, or in the source's zone and format.

    Where a format is given no other order of day and month is read: beside it only a time with a T needs no zone.
    """
    # with no blank before a last Z, the cast that drops zones drops nothing, and costs less
    zulu = f"WHEN suffix({text}, 'Z') AND NOT contains({text}, ' ') THEN try_cast({text} AS TIMESTAMP)"
    zoned = f"{zulu} WHEN {has_zone(text)} THEN timezone('UTC', try_cast({text} AS TIMESTAMPTZ))"
    plain = "T" if _has_own_order(source) else ":"
    local = f"CASE WHEN contains({text}, '{plain}') THEN try_cast({text} AS TIMESTAMP) END"
    in_zone = f"ELSE {_to_utc(local, source.zone)}" if source.zone else ""
    iso = f"CASE {zoned} {in_zone} END"
    return _believable(iso if source.time_format is None else f"coalesce({_formatted(text, source)}, {iso})")


def instant_fault(text: str, value: str, source: Source) -> str:
    """Why a text is no time: missing, no_zone or unreadable; NULL when it is one."""
    zoneless = "" if source.zone else f"WHEN {_is_zoneless(text, source)} THEN 'no_zone'"
    return (
        f"CASE WHEN {value} IS NOT NULL THEN NULL WHEN {text} IS NULL THEN 'missing' {zoneless} ELSE 'unreadable' END"
    )


def is_ambiguous(text: str, value: str, source: Source) -> str:
    """Whether a time without a zone came twice, in the hour that a clock was put back; its value is the later one."""
    if source.zone in (None, "UTC") or "%z" in (source.time_format or ""):
        return "false"
    name = literal(source.zone or "")
    earlier = f"timezone({name}, timezone('UTC', {value} - INTERVAL 1 HOUR))"
    counted = f"contains({text}, ':') AND " if source.time_format in _SINCE_1970 else ""
    return f"({counted}NOT {has_zone(text)} AND TRY({earlier}) = TRY(timezone({name}, timezone('UTC', {value}))))"


def number(text: str) -> str:
    """A finite number."""
    return f"CASE WHEN isfinite(try_cast({text} AS DOUBLE)) THEN try_cast({text} AS DOUBLE) END"


def truth(text: str) -> str:
    """A boolean, written as true/false, t/f, yes/no, y/n or 1/0."""
    # the usual words first; a list to look in, as of IN, would cost three times as much
    return (
        f"CASE WHEN {text} = 'true' THEN true WHEN {text} = 'false' THEN false "
        f"WHEN regexp_full_match(lower({text}), 'true|t|1|yes|y') THEN true "
        f"WHEN regexp_full_match(lower({text}), 'false|f|0|no|n') THEN false END"
    )


def day(text: str) -> str:
    """A day: ISO 8601, without a time, or the day of a midnight."""
    return (
        f"CASE WHEN regexp_matches({text}, '^\\d{{4}}-\\d\\d-\\d\\d([T ]00:00(:00(\\.0+)?)?(Z|\\+00:?00)?)?$') "
        f"AND left({text}, 4) BETWEEN '1678' AND '2261' THEN try_cast(left({text}, 10) AS DATE) END"
    )


def register_instant(text: str) -> str:
    """A date (its first moment in UTC), or a time; without a zone it is UTC, as registers are kept."""
    return (
        f"CASE WHEN NOT regexp_matches({text}, '^[1-9]\\d{{3}}-\\d\\d-\\d\\d[^(]*$') THEN NULL "
        f"WHEN {has_zone(text)} THEN timezone('UTC', try_cast({text} AS TIMESTAMPTZ)) "
        f"ELSE try_cast({text} AS TIMESTAMP) END"
    )


def _believable(value: str) -> str:
    # nanoseconds reach no further; a cast costs less than working the value out again to compare it
    return f"try_cast(try_cast({value} AS TIMESTAMP_NS) AS TIMESTAMP)"


def _has_own_order(source: Source) -> bool:
    return source.time_format is not None and source.time_format not in _SINCE_1970


def _is_zoneless(text: str, source: Source) -> str:
    iso = f"contains({text}, ':') AND NOT {has_zone(text)} AND try_cast({text} AS TIMESTAMP) IS NOT NULL"
    if not _has_own_order(source):
        return f"({iso})"
    return f"({iso} OR try_strptime({text}, {literal(source.time_format or '')}) IS NOT NULL)"


def _formatted(text: str, source: Source) -> str:
    if source.time_format in _SINCE_1970:
        digits, microseconds = _SINCE_1970[source.time_format]
        since = f"try_cast(try_cast({text} AS DECIMAL(24, 6)) * {microseconds} AS BIGINT)"
        return f"CASE WHEN regexp_full_match({text}, '{digits}(\\.\\d{{1,6}})?') THEN make_timestamp({since}) END"
    parsed = f"try_strptime({text}, {literal(source.time_format or '')})"
    if "%z" in (source.time_format or ""):
        return f"timezone('UTC', {parsed})"
    return _to_utc(parsed, source.zone) if source.zone else "NULL"


def _to_utc(timestamp: str, zone: str | None) -> str:
    # arithmetic of zones overflows at the ends of time
    if zone == "UTC":
        return timestamp
    name = literal(zone or "UTC")
    utc = f"TRY(timezone('UTC', timezone({name}, {timestamp})))"
    # an hour that a clock put forward never shows is no time: it would come out as another one
    return f"CASE WHEN TRY(timezone({name}, timezone('UTC', {utc}))) = {timestamp} THEN {utc} END"
