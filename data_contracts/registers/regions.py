"""Regions and their forces on a given day, from dated reference data: regions are reorganised, code is not.

Belongs here: which region codes there are, which forces each has. Does not: who may act for a region (permissions).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib.resources import files

import yaml
from pydantic import BaseModel, ConfigDict, Field

from infra.errors import WrongInputError


@dataclass(frozen=True)
class Region:
    """A region as it stands on one day. Forces are lower case with hyphens."""

    code: str
    name: str
    forces: tuple[str, ...]


class _DatedRegion(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    name: str
    starts: date = Field(alias="from")
    ends: date | None = Field(default=None, alias="to")
    forces: tuple[str, ...]


class _Reference(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    regions: tuple[_DatedRegion, ...]
    national_forces: tuple[str, ...]
    also_written: dict[str, str]


def regions(on: date) -> tuple[Region, ...]:
    """All regions of a day, in the order of the reference data."""
    return tuple(
        Region(row.code, row.name, row.forces)
        for row in _reference().regions
        if row.starts <= on and (row.ends is None or on < row.ends)
    )


def require_rocu(code: str, on: date) -> Region:
    """The region of a code on a day. Codes may be written in any case.

    Raises:
        WrongInputError: No such region on that day.
    """
    known = {region.code: region for region in regions(on)}
    found = known.get(code.strip().lower())
    if found is None:
        raise WrongInputError(f"There is no ROCU {code!r} on {on}.", f"Use one of {', '.join(known)}.")
    return found


def own_forces(code: str, on: date) -> frozenset[str]:
    """The forces whose cameras belong in a region on a day: its own and the national ones; none without a region."""
    own = next((region.forces for region in regions(on) if region.code == code), None)
    return frozenset() if own is None else frozenset((*own, *_reference().national_forces))


def find_force(text: str) -> str | None:
    """The name of a force as the reference data writes it, or None if no region ever had it.

    "Greater Manchester Police", "greater_manchester" and "greater-manchester" are the same force.
    """
    written = re.sub(r"[^a-z]+", "-", text.strip().lower().replace("&", "and")).strip("-")
    known = {force for row in _reference().regions for force in row.forces} | set(_reference().national_forces)
    for candidate in (written, re.sub(r"-(police|constabulary|police-service)$", "", written)):
        name = _reference().also_written.get(candidate, candidate)
        if name in known:
            return name
    return None


@cache
def _reference() -> _Reference:
    text = files("data_contracts").joinpath("reference/regions.yaml").read_text(encoding="utf-8")
    return _Reference.model_validate(yaml.load(text, Loader=yaml.CSafeLoader))
