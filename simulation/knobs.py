"""The knobs of a world, one frozen model per section of the YAML file; each field says what it does and in what unit.

Belongs here: names, limits and meanings. Does not: reading files (`simulation.world`) or acting on the values.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0, le=1)]
Rocu = Literal["nwrocu", "nerocu", "yhrocu", "emsou", "rocuwm", "ersou", "serocu", "swrocu", "tarian", "london"]


class Knobs(BaseModel):
    """A section of a world: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlacesKnobs(Knobs):
    """Which places exist."""

    min_population: int = Field(default=8000, ge=500, description="smallest place that is kept, inhabitants")


class RoadsKnobs(Knobs):
    """The road network between places: three nested neighbour graphs."""

    trunk_population: int = Field(default=45000, description="places from this size are joined by trunk roads")
    motorway_population: int = Field(default=140000, description="places from this size are joined by motorways")
    local_kmh: float = Field(default=48, gt=10, le=110, description="travel speed on local roads, km/h")
    trunk_kmh: float = Field(default=76, gt=10, le=110, description="travel speed on trunk roads, km/h")
    motorway_kmh: float = Field(default=100, gt=10, le=110, description="travel speed on motorways, km/h")


class CamerasKnobs(Knobs):
    """The fixed cameras. A road site has two cameras, one per direction; a centre site has one."""

    sites_per_rocu: int = Field(default=120, ge=4, description="camera sites in each ROCU of the world")
    centre_share: Share = Field(default=0.3, description="share of sites inside towns; the rest stands on roads")
    entry_share: Share = Field(
        default=0.5, description="share of road sites that stand at a town's entry rather than midway"
    )
    road_pass: Share = Field(default=0.85, description="chance that a vehicle on the road passes the site")
    centre_pass: Share = Field(default=0.25, description="chance that a vehicle in the town passes a centre site")


class VehiclesKnobs(Knobs):
    """How many vehicles there are and where they are kept."""

    count: int = Field(ge=100, description="vehicles in the world, all lives together")
    outside_share: Share = Field(default=0.08, description="share of homes outside the ROCUs of this world")
    errands_per_day: float = Field(default=0.7, ge=0, le=5, description="errands of a private car, per day")
    long_visits_per_week: float = Field(
        default=0.12, ge=0, le=3, description="day trips and visits of over 60 km of any private car, per week"
    )
    old_plate_share: Share = Field(
        default=0.05, description="share of plates in prefix, suffix, dateless or Northern Ireland format"
    )


class LivesKnobs(Knobs):
    """Shares of the innocent lives; they must add up to 1."""

    local: Share = Field(description="errands near home and now and then a visit")
    commuter: Share = Field(description="works 8 to 45 km away, weekdays")
    long_commuter: Share = Field(description="works 60 to 170 km away, two to four days a week; some only for meetings")
    courier: Share = Field(description="parcel rounds, or one fixed run of over 60 km with a stop of minutes")
    taxi: Share = Field(description="taxi and private hire: many town trips by evening and night, some airport runs")
    carer: Share = Field(description="home care rounds, morning and evening, all week")
    night_nurse: Share = Field(description="hospital nights, three or four a week")
    rep: Share = Field(description="sales calls in towns 40 to 200 km away, sometimes overnight")
    student: Share = Field(description="lives at a university, goes home some weekends and for the vacation")
    weekend_family: Share = Field(description="children of separated parents driven between two towns")
    haulier: Share = Field(description="long haul, early starts, nights out")
    contractor: Share = Field(description="works away from Monday to Thursday and stays there")
    tourist: Share = Field(description="one long holiday far from home")
    hire: Share = Field(description="hire cars: a new driver with a new purpose every few days")

    @model_validator(mode="after")
    def _add_up(self) -> LivesKnobs:
        total = sum(self.model_dump().values())
        if abs(total - 1) > 1e-6:
            msg = f"the shares add up to {total:.4f}, not to 1"
            raise ValueError(msg)
        return self


class CountyLinesKnobs(Knobs):
    """The county lines vehicles and how they travel."""

    prevalence: Share = Field(default=0.0005, description="county lines vehicles as a share of all vehicles")
    commuting: float = Field(default=0.5, ge=0, description="weight of lines that go there and back in a day")
    holidaying: float = Field(default=0.25, ge=0, description="weight of lines that stay for days or weeks")
    cuckooing: float = Field(default=0.25, ge=0, description="weight of lines with a base in the town")
    hire_share: Share = Field(default=0.15, description="lines in hire cars that change VRM every one to two weeks")
    convoy_share: Share = Field(default=0.15, description="lines that travel as a pair of vehicles")
    regular_share: Share = Field(default=0.5, description="lines that restock on fixed days; the others irregularly")
    alternating_share: Share = Field(default=0.3, description="lines that alternate their routes")
    inside_force_share: Share = Field(default=0.2, description="lines whose hub and town are in one force")
    inside_rocu_share: Share = Field(
        default=0.4, description="of the other lines, the share whose hub is in the town's ROCU, in another force"
    )
    least_km: float = Field(default=72, gt=0, description="shortest line between two forces, km in a straight line")
    most_km: float = Field(default=200, gt=0, description="longest line between two forces, km in a straight line")
    late_start_share: Share = Field(default=0.25, description="lines that start or stop during the world")
    runs_per_week: float = Field(default=3.2, gt=0, le=14, description="restocking runs of a commuting line, per week")
    stay_minutes: float = Field(default=50, gt=1, le=600, description="median stay of a run, minutes")


class PairsKnobs(Knobs):
    """Vehicles that travel two by two: convoys, and the innocent who do the same. They are taken from `lives.local`."""

    convoys: Share = Field(default=0.0, description="share of vehicles that run in convoy, lead and follow, over 60 km")
    couples: Share = Field(default=0.0, description="share of vehicles of couples who leave one home together")
    firm_vans: Share = Field(default=0.0, description="share of vehicles that a firm sends out two by two")
    reviews_per_week: int = Field(default=0, ge=0, description="pairs that the analysts of one ROCU review a week")
    convoy_odds: float = Field(
        default=3.0, gt=0, description="how much likelier a convoy is to be reviewed than an innocent pair"
    )


class FaultsKnobs(Knobs):
    """Faults of cameras and data. Each is written to the truth."""

    capture_rate: Share = Field(default=0.95, description="share of passes that a working camera captures")
    misread_rate: Share = Field(default=0.015, description="share of captures with a character of its confusion class")
    clone_share: Share = Field(default=0.0005, description="share of vehicles whose plate a second vehicle carries")
    duplicate_rate: Share = Field(default=0.01, description="share of reads that are sent twice within 2 seconds")
    clock_drift_share: Share = Field(default=0.02, description="share of cameras whose clock drifts")
    clock_drift_seconds_per_day: float = Field(default=8, ge=0, description="largest drift, seconds per day")
    camera_outages_per_week: Share = Field(default=0.02, description="chance of an outage per camera and week")
    site_outages_per_week: Share = Field(default=0.005, description="chance of an outage per whole site and week")
    outage_hours: float = Field(default=20, gt=0, description="mean length of an outage, hours")
    moved_share: Share = Field(default=0.01, description="share of sites that move to another road once")
    moved_register_lag_days: int = Field(default=4, ge=0, description="days until the register knows of a move")
    unregistered_share: Share = Field(default=0.01, description="share of cameras that the register does not list")
    late_batch_rate: Share = Field(default=0.01, description="chance per feed and day that it is delivered days late")
    late_days: int = Field(default=3, ge=1, le=30, description="longest delay of a late batch, days")
    malformed_rate: Share = Field(
        default=0.0005,
        description="share of rows that are broken: no VRM, impossible time, confidence 140 or unknown camera",
    )


class DispositionsKnobs(Knobs):
    """The findings of analysts."""

    reviews_per_week: int = Field(default=30, ge=0, description="vehicles that the analysts of one ROCU review a week")
    ranked: float = Field(default=0.6, ge=0, description="weight of reviews taken from the top of a simple ranking")
    random: float = Field(default=0.15, ge=0, description="weight of reviews taken at random among vehicles seen")
    intelligence: float = Field(default=0.25, ge=0, description="weight of reviews that intelligence asked for")
    intelligence_hit_share: Share = Field(
        default=0.5, description="share of those that concern a county lines vehicle; the others concern look-alikes"
    )
    inconclusive_share: Share = Field(default=0.1, description="share of reviews that end inconclusive")
    missed_share: Share = Field(default=0.06, description="county lines vehicles wrongly eliminated")
    wrong_confirmed_share: Share = Field(default=0.01, description="innocent vehicles wrongly confirmed")
    delay_days: float = Field(default=4, gt=0, description="median days from the window's end to the decision")
    first_window_days: int = Field(default=28, ge=7, description="days of reads before the first reviewed window ends")
    repeat_weeks: int = Field(default=2, ge=1, description="weeks before the same VRM is reviewed again")


class DeliveryKnobs(Knobs):
    """How the reads are handed over."""

    period: Literal["daily", "weekly"] = Field(default="daily", description="one file per ROCU and day, or per week")
    format: Literal["csv", "csv.gz", "parquet"] = Field(default="csv", description="format of the read files")


class OutageEvent(Knobs):
    """A group of sites delivers nothing."""

    kind: Literal["outage"]
    rocu: Rocu = Field(description="whose sites")
    start: date = Field(description="first day")
    end: date = Field(description="last day, included")
    force: str | None = Field(default=None, description="only sites of this force")
    site_kind: Literal["centre", "entry", "road"] | None = Field(default=None, description="only sites of this kind")
    share: Share = Field(default=1.0, description="share of the group's sites that fail")


class BehaviourEvent(Knobs):
    """County lines vehicles of a ROCU travel otherwise from a day on."""

    kind: Literal["behaviour"]
    rocu: Rocu = Field(description="lines whose town is in this ROCU")
    start: date = Field(description="first day")
    end: date = Field(description="last day, included")
    runs_factor: float = Field(default=1.0, gt=0, le=5, description="runs per week are multiplied by this")
    stay_factor: float = Field(default=1.0, gt=0, le=20, description="stays are multiplied by this")
    hours_later: float = Field(default=0.0, ge=-12, le=12, description="departures move by this many hours")
    inside_force_share: Share = Field(
        default=0.0, description="share of the lines that turn to a hub in the town's force"
    )


class TravelEvent(Knobs):
    """All vehicles kept in a ROCU travel otherwise for a while: a strike, a holiday, a closed line."""

    kind: Literal["travel"]
    rocu: Rocu = Field(description="vehicles kept in this ROCU")
    start: date = Field(description="first day")
    end: date = Field(description="last day, included")
    commute_share: Share = Field(default=1.0, description="share of working trips that still happen")
    long_visits_factor: float = Field(
        default=1.0, ge=1, le=20, description="visits of over 60 km are multiplied by this"
    )
    hours_later: float = Field(default=0.0, ge=-12, le=12, description="errands and visits move by this many hours")


class NewSitesEvent(Knobs):
    """New camera sites start to deliver; the register lists them from that day."""

    kind: Literal["new_sites"]
    rocu: Rocu = Field(description="whose sites")
    start: date = Field(description="first day")
    sites: int = Field(default=1, ge=1, description="how many of the ROCU's sites are new")


Event = Annotated[OutageEvent | BehaviourEvent | TravelEvent | NewSitesEvent, Field(discriminator="kind")]
