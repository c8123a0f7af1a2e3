"""What is said about the health of cameras, as data: frozen, strict, printed as a table or as JSON.

Belongs here: the shapes alone.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Kind = Literal[
    "outage",
    "partial_outage",
    "pole_failure",
    "network_outage",
    "flood",
    "stuck",
    "clock_offset",
    "wrong_place",
    "confidence_decay",
]
Basis = Literal["own_past", "whole_history"]


class HealthInterval(BaseModel):
    """One camera that was not as usual, from `from` to `to` (exclusive).

    For volume, `expected` and `seen` are reads; for `clock_offset` seconds (0 and the estimate); for `wrong_place` km
    from the registered position (0 and the estimate); for `confidence_decay` the mean confidence. `with_network` says
    that most cameras failed together; `network_outage` is how people are told of that.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    camera_id: str
    site_id: str
    start: datetime = Field(serialization_alias="from", validation_alias="from")
    end: datetime = Field(serialization_alias="to", validation_alias="to")
    kind: Kind
    expected: float
    seen: float
    ongoing: bool = False
    basis: Basis = "own_past"
    with_network: bool = False
    says: str


class HealthReport(BaseModel):
    """All intervals of a span, and what they were judged from."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    rocu: str | None
    source: Literal["lake", "counts"]
    start: datetime | None = Field(serialization_alias="from", validation_alias="from")
    end: datetime | None = Field(serialization_alias="to", validation_alias="to")
    bin_minutes: int | None
    zone: str
    cameras: int
    camera_bins: int
    reads: int
    intervals: tuple[HealthInterval, ...]
    notes: tuple[str, ...] = ()


_UNITS: dict[str, str] = {"clock_offset": " s", "wrong_place": " km", "confidence_decay": " points"}


def with_unit(kind: Kind, value: float) -> str:
    """What was expected or seen in an interval of a kind, for people; reads have no unit."""
    return f"{value:,.0f}{_UNITS.get(kind, '')}"
