"""What is known of one vehicle in one window: frozen, plain, complete. All times are aware UTC.

A place is a cell of the pattern's grid, named by the camera in it that read the vehicle most; its number is its rank by
reads. Belongs here: the shape of the facts. Does not: how they are found.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from data_contracts.layers.noted import Note


@dataclass(frozen=True)
class Camera:
    """A camera at one position, as the reads and the register name it."""

    camera_id: str
    site_id: str
    latitude: float
    longitude: float
    force: str
    kind: str
    road: str

    @property
    def label(self) -> str:
        """Road and site, as far as the register has them."""
        site = self.site_id if self.site_id == self.camera_id else f"site {self.site_id}"
        return ", ".join(part for part in (self.road, site) if part)


@dataclass(frozen=True)
class Read:
    """One read with the hop from the one before it; `hop_m` and `gap_s` are 0 for the first."""

    at: datetime
    camera: Camera
    place: int
    batch_id: str
    row_no: int
    confidence: float | None
    repaired: bool
    doubtful: bool
    starts: bool
    hop_m: int
    gap_s: int


@dataclass(frozen=True)
class Place:
    """A grid cell in which it was read. Visits and hours are of stays with both ends seen."""

    number: int
    anchor: Camera
    cameras: tuple[Camera, ...]
    reads: int
    days: int
    visits: int
    dwell_s: int
    longest_s: int
    last_read: datetime
    base: bool


@dataclass(frozen=True)
class Journey:
    """Continuous travel; `origin` and `destination` are numbers of places."""

    start_at: datetime
    end_at: datetime
    origin: int
    destination: int
    from_camera: str
    to_camera: str
    reads: int
    distance_m: int
    reach_m: int


@dataclass(frozen=True)
class Trip:
    """Leaving the base, going `away_km` or farther, and coming back to it."""

    depart: datetime
    back: datetime
    stay_s: int
    far_m: int


@dataclass(frozen=True)
class Hop:
    """Two reads in a row that no vehicle can have made. `speed_kmh` is None when they are of the same second."""

    first: Read
    second: Read
    speed_kmh: float | None


@dataclass(frozen=True)
class Faults:
    """Why the reads themselves may be wrong.

    Args:
        hops: Reads that no vehicle can both have made.
        sentences: All of it in words.
        repaired: Reads whose plate text was repaired.
        doubtful: Reads of low confidence.
        unsure: Reads without a confidence.
        set_apart: Broken rules to rows set apart for them.
        noted: What ingest noted beside these reads: suggested plates, and what impossible speeds were put down to.
        of_others: Notes beside reads of other plates that say that those may have been this vehicle.
    """

    hops: tuple[Hop, ...]
    sentences: tuple[str, ...]
    repaired: int
    doubtful: int
    unsure: int
    set_apart: tuple[tuple[str, int], ...]
    noted: tuple[Note, ...] = ()
    of_others: tuple[Note, ...] = ()

    @property
    def any(self) -> bool:
        """Whether there is anything to read before the rest."""
        return bool(self.sentences)


@dataclass(frozen=True)
class Companion:
    """Another vehicle on the same legs at the same time; `by_habit` is what both would meet on shuffled days."""

    vehicle: str
    legs: int
    days: int
    by_habit: float | None


@dataclass(frozen=True)
class CameraCover:
    """A camera near its places: on which days of the window, of those it was registered for, it read any vehicle."""

    camera: Camera
    place: int
    days: tuple[str, ...]
    """One of `seen`, `silent`, `unregistered` for each UTC day of the window."""
    saw_it: bool

    @property
    def silent(self) -> int:
        """Days registered and without any read."""
        return self.days.count("silent")

    @property
    def expected(self) -> int:
        """Days registered."""
        return len(self.days) - self.days.count("unregistered")


@dataclass(frozen=True)
class Gap:
    """A long time without a read, and the cameras near both ends that were silent on a day of it."""

    since: datetime
    until: datetime
    from_place: int
    to_place: int
    silent_cameras: int


@dataclass(frozen=True)
class Cell:
    """A grid cell on the straight ways between its reads, by its corners."""

    south: float
    west: float
    north: float
    east: float
    cameras: int


@dataclass(frozen=True)
class Coverage:
    """Where and when cameras could not have seen it. `uptime` is None when no camera stands near its places."""

    near_km: int
    cameras: tuple[CameraCover, ...]
    uptime: float | None
    gaps: tuple[Gap, ...]
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class BatchRows:
    """The rows of one delivered batch that this profile is drawn from."""

    batch_id: str
    contract_version: str
    rows: tuple[int, ...]


@dataclass(frozen=True)
class VehicleProfile:
    """All facts of one vehicle in one window.

    Args:
        days: The UTC days of the window.
        zone: IANA name of the zone in which hours and weekdays are told.
        base: Number of the base place.
        features: The window's features that this vehicle's own reads decide, and those of `travel_facts`.
        estate: Every camera of the register that was valid in the window.
        batches: What it is drawn from, by batch id.
        settings: The pattern's settings.
    """

    rocu: str
    vehicle: str
    pattern: str
    as_of: date
    days: tuple[date, ...]
    zone: str
    reads: tuple[Read, ...]
    places: tuple[Place, ...]
    base: int
    journeys: tuple[Journey, ...]
    trips: tuple[Trip, ...]
    faults: Faults
    companions: tuple[Companion, ...]
    coverage: Coverage
    features: dict[str, Any]
    estate: tuple[Camera, ...]
    batches: tuple[BatchRows, ...]
    register_digest: str
    data_digest: str
    settings: dict[str, Any]
