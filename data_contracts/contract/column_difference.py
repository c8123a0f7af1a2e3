"""What changed in the columns of a contract, and whom it breaks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data_contracts.contract.change import BOTH, Change, Party, other_keys
from data_contracts.contract.document import Column, Contract, origin_of


def column_changes(a: Contract, b: Contract) -> Iterator[Change]:
    """Every change in the columns of two versions, by table and name."""
    old, new = ({(column.table, column.name): column for column in contract.columns} for contract in (a, b))
    texts_before, texts_after = _written_columns(a), _written_columns(b)
    for key in sorted({*old, *new}):
        place = f"field {'.'.join(key)}"
        if key not in new:
            yield Change(place, "removed", ("consumers",), "consumers who read it find nothing")
        elif key not in old:
            yield _added_column(place, new[key])
        else:
            yield from _changed_column(place, old[key], new[key])
            handled = {"name", "required", "logicalType", "quality", "customProperties", "classification"}
            yield from other_keys(place, texts_before[key], texts_after[key], handled)
            yield from _custom_properties(place, texts_before[key], texts_after[key])


def _added_column(place: str, column: Column) -> Change:
    if column.origin == "delivered" and column.required:
        return Change(place, "required field added", ("suppliers",), "suppliers who do not deliver it are refused")
    what = "optional field added" if column.origin == "delivered" else "derived field added"
    return Change(place, what, (), "nobody has to deliver it, and nobody read it before")


def _changed_column(place: str, old: Column, new: Column) -> Iterator[Change]:
    if old.origin != new.origin:
        asked = new.origin == "delivered" and new.required
        yield Change(
            place,
            f"{old.origin} -> {new.origin}",
            BOTH if asked else ("consumers",),
            "consumers: the values come from elsewhere" + (", and suppliers must deliver them" if asked else ""),
        )
    if new.required and not old.required:
        hit: tuple[Party, ...] = ("suppliers",) if new.origin == "delivered" else ()
        yield Change(
            place, "optional -> required", hit, "suppliers who leave it out are refused" if hit else "it was there"
        )
    if old.required and not new.required:
        yield Change(place, "required -> optional", ("consumers",), "consumers may find it empty")
    if old.logical_type != new.logical_type:
        yield _changed_type(place, old, new)
    if old.classification != new.classification:
        yield Change(
            place,
            f"classification: {old.classification or 'none'} -> {new.classification or 'none'}",
            ("consumers",),
            "consumers: who may see it, and how it is kept, changes",
        )


def _changed_type(place: str, old: Column, new: Column) -> Change:
    step = (old.logical_type, new.logical_type)
    breaks: list[Party] = []
    if step != ("integer", "number") and new.origin == "delivered":
        breaks.append("suppliers")
    if step != ("number", "integer"):
        breaks.append("consumers")
    reasons = {
        "suppliers": "what suppliers write may not be readable as it",
        "consumers": "consumers read another type",
    }
    reason = "; ".join(reasons[party] for party in breaks) or "every value of it was of the wider type too"
    return Change(place, f"type: {step[0]} -> {step[1]}", tuple(breaks), reason)


def _written_columns(contract: Contract) -> dict[tuple[str, str], Mapping[str, Any]]:
    return {
        (table["name"], column["name"]): column
        for table in contract.document.get("schema") or ()
        for column in table.get("properties") or ()
    }


def _custom_properties(place: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    before, after = (
        {custom["property"]: custom["value"] for custom in column.get("customProperties") or ()}
        for column in (old, new)
    )
    if origin_of(old) != origin_of(new):
        before.pop("origin", None)
        after.pop("origin", None)
    yield from other_keys(place, before, after, set())
