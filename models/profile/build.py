"""Builds the profile of one vehicle, from the reads of the window and the camera register."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import duckdb

from data_contracts.layers.manifests import PartRef
from data_contracts.layers.noted import notes_about
from data_contracts.layers.reads import parts_digest, reads_relation
from data_contracts.registers.cameras import RegisterRef, register_table
from infra.errors import WrongInputError
from infra.lake import Lake
from models.features.settings import PatternSettings, window_start
from models.profile.company import companions_of
from models.profile.coverage import coverage_of, estate, place_key
from models.profile.faults import faults_of
from models.profile.hours import travel_facts
from models.profile.model import BatchRows, Camera, VehicleProfile
from models.profile.travel import Register, travel_of

NEEDS_OTHERS = (
    "base_cameras",
    "rare_camera_share",
    "rarest_camera_vehicles",
    "camera_uptime",
    "co_travel_partners",
    "co_travel_most_legs",
    "quick_run_alike",
    "quick_run_town_vehicles",
)
"""Features that the reads of one vehicle alone do not decide; they are left out of a profile."""

_TOKEN = re.compile(r"[b-df-hj-np-t]{32}")


def require_vehicle_key(key: str) -> None:
    """Refuse what is not the token of one vehicle. The key is not repeated: it may be anything, a number plate too.

    Raises:
        WrongInputError: It is a pair of tokens, or no token at all.
    """
    parts = key.split("+")
    if len(parts) > 1 and all(_TOKEN.fullmatch(part) for part in parts):
        raise WrongInputError(
            "A profile is of one vehicle; this is the key of a pair.",
            "Open the profile of each of the two: the part before the + and the part after it.",
        )
    if not _TOKEN.fullmatch(key):
        raise WrongInputError("This is not a vehicle token.", "Give the token as findprofile scores prints it.")


def build_profile(
    connection: duckdb.DuckDBPyConnection,
    lake: Lake,
    parts: Sequence[PartRef],
    register: RegisterRef,
    vehicle: str,
    pattern: str,
    as_of: date,
    settings: PatternSettings,
    set_apart: Sequence[PartRef] = (),
    notes: Sequence[PartRef] = (),
) -> VehicleProfile:
    """All facts of one vehicle in the window that ends on `as_of`.

    Args:
        connection: Gives threads and memory; what is made on it is temporary.
        lake: Where parts and register lie.
        parts: Parts of the reads layer; days outside the window are ignored.
        register: The camera register.
        vehicle: The token.
        pattern: Name of the pattern whose settings these are.
        as_of: Last day of the window (UTC), included.
        settings: What a journey, a place and a trip are.
        set_apart: Parts of the quarantine layer.
        notes: Parts of the layer of notes.

    Raises:
        WrongInputError: Not a token, or no read of it in the window.
        FaultError: A part that a record names is not there.
    """
    require_vehicle_key(vehicle)
    days = tuple(window_start(as_of, settings) + timedelta(days=number) for number in range(settings.window_days))
    with connection.cursor() as cursor:
        _open_views(cursor, lake, parts, register, vehicle, days)
        cameras, valid = estate(cursor, "register", days)
        travel = travel_of(cursor, "own_reads", as_of, settings, _with_read(cursor, cameras))
        noted = notes_about(cursor, lake, notes, vehicle, days[0], days[-1])
        own, of_others = ([n for n in noted if (n.vehicle == vehicle) is mine] for mine in (True, False))
        apart = _set_apart(cursor, lake, set_apart, vehicle, days)
        profile = VehicleProfile(
            rocu=_rocu_of(parts), vehicle=vehicle, pattern=pattern, as_of=as_of, days=days, zone=settings.zone,
            reads=travel.reads,
            places=travel.places,
            base=travel.base,
            journeys=travel.journeys,
            trips=travel.trips,
            faults=faults_of(travel.reads, settings, apart, own, of_others),
            companions=companions_of(cursor, "window_reads", vehicle, travel.reads, days, settings),
            coverage=coverage_of(_seen_days(cursor), valid, travel.reads, travel.places, days, settings),
            features={name: value for name, value in travel.window.items() if name not in (*NEEDS_OTHERS, "vehicle")},
            estate=tuple(valid),
            batches=_batches(cursor),
            register_digest=register.digest,
            data_digest=parts_digest(parts),
            settings=settings.model_dump(),
        )  # fmt: skip
    profile.features.update(travel_facts(profile))
    return profile


def _rocu_of(parts: Sequence[PartRef]) -> str:
    return parts[0].path.split("rocu=")[1].split("/")[0]


def _open_views(
    cursor: duckdb.DuckDBPyConnection,
    lake: Lake,
    parts: Sequence[PartRef],
    register: RegisterRef,
    vehicle: str,
    days: Sequence[date],
) -> None:
    """`window_reads` of all vehicles, `own_reads` of this one, and the `register`."""
    reads_relation(cursor, lake, [part for part in parts if part.date in set(days)], "window_reads")
    cursor.execute("CREATE OR REPLACE TEMP TABLE own_reads AS SELECT * FROM window_reads WHERE vehicle = ?", [vehicle])
    ((found,),) = cursor.execute("SELECT count(*) FROM own_reads").fetchall()
    if not found:
        raise WrongInputError(
            "There is nothing to show: no read of this vehicle in this window.",
            "Check the token, the ROCU and the date; findprofile scores prints the tokens of a list.",
        )
    register_table(cursor, lake, register)


def _with_read(cursor: duckdb.DuckDBPyConnection, cameras: Register) -> Register:
    """The register, and what the reads say of positions that it does not have any more."""
    rows = cursor.execute(
        """SELECT camera_id, latitude, longitude, min(site_id), coalesce(min(force), '') FROM own_reads GROUP BY ALL
            ORDER BY ALL"""
    ).fetchall()
    read = {
        place_key(camera, latitude, longitude): Camera(camera, site, latitude, longitude, force, "", "")
        for camera, latitude, longitude, site, force in rows
    }
    return {**read, **cameras}


def _seen_days(cursor: duckdb.DuckDBPyConnection) -> dict[str, frozenset[date]]:
    rows = cursor.execute("SELECT DISTINCT camera_id, captured_at::DATE FROM window_reads").fetchall()
    found: dict[str, set[date]] = {}
    for camera, day in rows:
        found.setdefault(camera, set()).add(day)
    return {camera: frozenset(days) for camera, days in found.items()}


def _set_apart(
    cursor: duckdb.DuckDBPyConnection, lake: Lake, parts: Sequence[PartRef], vehicle: str, days: Sequence[date]
) -> list[tuple[str, int]]:
    """Broken rules, and how many rows of this vehicle in the window were set apart for them."""
    if not parts:
        return []
    begin = datetime(days[0].year, days[0].month, days[0].day, tzinfo=UTC).replace(tzinfo=None)
    end = begin + timedelta(days=len(days))
    rows = cursor.execute(
        """SELECT array_to_string(list_sort(rules), ', ') AS broken, count(*)
            FROM read_parquet(?, hive_partitioning = false)
            WHERE vehicle = ? AND captured_at >= ? AND captured_at < ? GROUP BY broken ORDER BY broken""",
        [[str(lake.root / part.path) for part in parts], vehicle, begin, end],
    ).fetchall()
    return [(broken, count) for broken, count in rows]


def _batches(cursor: duckdb.DuckDBPyConnection) -> tuple[BatchRows, ...]:
    rows = cursor.execute(
        """SELECT batch_id, contract_version, list(row_no ORDER BY row_no) FROM own_reads
            GROUP BY batch_id, contract_version ORDER BY min(captured_at), batch_id"""
    ).fetchall()
    return tuple(BatchRows(batch, version, tuple(numbers)) for batch, version, numbers in rows)
