"""The reading of a list that was scored: the ranked one, or for those who review, the one that its page shows."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from flows.context import Context, acting
from flows.steps.desk import policy_of
from flows.steps.recorded_list import list_of_day
from models.units import Unit

if TYPE_CHECKING:
    import pyarrow as pa

    from infra.identity import Identity

BANNER = "An assessment to be examined by a person. Most {unit}s that look odd are innocent."


class RankedRow(BaseModel):
    """One vehicle of a list: facts first, then the assessment."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    vehicle: str
    cautions: tuple[str, ...]
    facts: tuple[str, ...]
    against: tuple[str, ...]
    rank: int
    score: float | None
    model: str
    version: str
    model_sha256: str
    contract_version: str
    data_digest: str
    commit: str
    run_id: str


class Ranked(BaseModel):
    """The top of a list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    banner: str
    rocu: str
    pattern: str
    unit: Unit
    as_of: date
    rows: tuple[RankedRow, ...]


def ranked(context: Context, rocu: str, pattern: str, as_of: date, top: int) -> Ranked:
    """The top of the list of a day that the log has last. Looking is a consultation: the log has every vehicle shown.

    Who reviews must not know which vehicles were drawn at random. So somebody who is nothing but an analyst gets the
    list as its page has it: blind order, places for ranks, no scores.

    Raises:
        RefusedError: No permission; the log does not hold; list or page are not those that it says were made.
        WrongInputError: There is no list of that day.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    from models.patterns import get_pattern, units_of

    unit = get_pattern(pattern).unit
    policy_of(context, rocu)
    model = f"{pattern}.{rocu}"
    with acting(context, "scores.read", rocu, "consultation", model) as details:
        found = pq.ParquetFile(pa.BufferReader(list_of_day(context, rocu, pattern, as_of))).read()
        rows = _blind(found, context.identity)[:top] if _reviews(context.identity) else found.to_pylist()[:top]
        details |= {
            "as_of": as_of.isoformat(),
            "run_id": rows[0]["run_id"] if rows else None,
            "vehicles": list(dict.fromkeys(token for row in rows for token in units_of(row["vehicle"]))),
        }
    return Ranked(
        banner=BANNER.format(unit=unit),
        rocu=rocu,
        pattern=pattern,
        unit=unit,
        as_of=as_of,
        rows=tuple(
            RankedRow(
                facts=tuple(row["reasons"]), **{name: row[name] for name in RankedRow.model_fields if name != "facts"}
            )
            for row in rows
        ),
    )


def must_not_know_ranks(identity: Identity, scores: pa.Table) -> bool:
    """Whether somebody reviews a list of which some vehicles were drawn at random: a rank would tell which.

    Args:
        identity: Who looks.
        scores: Of the run, with the column `selected_by`; with nothing drawn at random there is nothing to hide.
    """
    return _reviews(identity) and "random" in scores.column("selected_by").to_pylist()


def _reviews(identity: Identity) -> bool:
    return identity.roles == {"analyst"}


def _blind(found: pa.Table, identity: Identity) -> list[dict[str, Any]]:
    """The listed rows as analysts see them."""
    from models.scoring import review_list

    rows = review_list(found, found.column("run_id")[0].as_py()) if found.num_rows else []
    if not must_not_know_ranks(identity, found):
        return rows
    return [row | {"rank": place, "score": None} for place, row in enumerate(rows, start=1)]
