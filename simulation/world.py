"""A world: what is simulated, read from one strict YAML file.

Belongs here: the whole of the knobs and the reading of the file. Does not: what each knob means (`simulation.knobs`).
"""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from infra.errors import WrongInputError
from infra.strict_yaml import NOT_YAML
from simulation.knobs import (
    CamerasKnobs,
    CountyLinesKnobs,
    DeliveryKnobs,
    DispositionsKnobs,
    Event,
    FaultsKnobs,
    Knobs,
    LivesKnobs,
    PairsKnobs,
    PlacesKnobs,
    RoadsKnobs,
    Rocu,
    VehiclesKnobs,
)

WORLDS = Path(__file__).parent / "worlds"


class World(Knobs):
    """All knobs of one simulated world."""

    name: str = Field(description="a short name")
    description: str = Field(description="what this world is for, and how it differs from the real one")
    start: date = Field(description="first day of reads")
    weeks: int = Field(ge=1, le=52, description="length in weeks of seven days")
    seed: int = Field(default=1, ge=0, description="the seed that is used when none is given")
    rocus: tuple[Rocu, ...] = Field(min_length=1, description="regions that have cameras and deliver reads")
    places: PlacesKnobs = Field(default=PlacesKnobs(), description="which places exist")
    roads: RoadsKnobs = Field(default=RoadsKnobs(), description="the roads between them")
    cameras: CamerasKnobs = Field(default=CamerasKnobs(), description="the fixed cameras")
    vehicles: VehiclesKnobs = Field(description="how many vehicles and where they are kept")
    lives: LivesKnobs = Field(description="shares of the innocent lives")
    county_lines: CountyLinesKnobs = Field(default=CountyLinesKnobs(), description="the county lines vehicles")
    pairs: PairsKnobs = Field(default=PairsKnobs(), description="vehicles that travel two by two")
    faults: FaultsKnobs = Field(default=FaultsKnobs(), description="faults of cameras and data")
    dispositions: DispositionsKnobs = Field(default=DispositionsKnobs(), description="the findings of analysts")
    delivery: DeliveryKnobs = Field(default=DeliveryKnobs(), description="how reads are handed over")
    events: tuple[Event, ...] = Field(default=(), description="dated events")

    @property
    def days(self) -> int:
        """Length in days."""
        return self.weeks * 7

    @property
    def end(self) -> date:
        """The last day, included."""
        return self.start + timedelta(days=self.days - 1)

    @field_validator("rocus")
    @classmethod
    def _no_region_twice(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            msg = "a region is named twice"
            raise ValueError(msg)
        return value

    @model_validator(mode="after")
    def _events_inside(self) -> World:
        for event in self.events:
            last = getattr(event, "end", event.start)
            if event.start < self.start or last > self.end or last < event.start:
                msg = f"event {event.kind} ({event.start} to {last}) is not inside {self.start} to {self.end}"
                raise ValueError(msg)
            if event.rocu not in self.rocus:
                msg = f"event {event.kind} is in {event.rocu}, which this world does not have"
                raise ValueError(msg)
        return self


def load_world(path: Path) -> World:
    """Read a world from a YAML file.

    Raises:
        WrongInputError: There is no such file, it is not YAML, or a key is unknown, missing or has a wrong value.
    """
    if not path.is_file():
        # a pipe would be waited for
        shipped = ", ".join(sorted(str(world) for world in WORLDS.glob("*.yaml")))
        raise WrongInputError(f"There is no world file {path}.", f"Give one that exists, such as {shipped}.")
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise WrongInputError(f"{path} is not a text file.", "Give a world in YAML.") from None
    try:
        content = yaml.safe_load(text)
    except NOT_YAML as error:
        where = getattr(error, "problem_mark", None)
        line = f" (line {where.line + 1})" if where else ""
        raise WrongInputError(f"{path} is not YAML{line}.", "Correct the file.") from None
    if not isinstance(content, dict):
        raise WrongInputError(f"{path} holds no world.", "Start from one of the worlds in simulation/worlds.")
    try:
        return World.model_validate(content)
    except ValidationError as error:
        raise WrongInputError(f"World {path}: {_problems(error)}.", "Correct these keys in the file.") from None


def _problems(error: ValidationError) -> str:
    found = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"]) or "the whole world"
        found.append(f"unknown key {key}" if problem["type"] == "extra_forbidden" else f"{key}: {problem['msg']}")
    return "; ".join(found)
