"""Whether the tables and columns that a document describes are ones that this product takes or makes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, get_args

from data_contracts.contract.document import Column, ContractName, Origin, contract_versions, load_contract, origin_of
from data_contracts.contract.schema import Problem, closest, listed_twice


def product_columns(name: ContractName) -> dict[tuple[str, str], Column]:
    """Every column that any packaged version of the contract has: what loading takes and derives."""
    versions = [load_contract(name, version) for version in contract_versions(name)]
    return {(column.table, column.name): column for contract in versions for column in contract.columns}


def column_problems(document: Mapping[str, Any], name: ContractName) -> Iterator[Problem]:
    """What is wrong with the tables and columns of a document, as far as their shape lets them be read."""
    known = product_columns(name)
    tables = [table["name"] for table in document.get("schema") or ()]
    yield from listed_twice("table", tables)
    written: list[tuple[str, str]] = []
    for table in document.get("schema") or ():
        columns = {key[1]: column for key, column in known.items() if key[0] == table["name"]}
        if not columns:
            remedy = f"Use one of {', '.join(dict.fromkeys(key[0] for key in known))}: rules of others never run."
            yield Problem(f"table {table['name']}", "This product makes no such table.", remedy)
            continue
        yield from listed_twice(
            f"column of {table['name']}", [column["name"] for column in table.get("properties") or ()]
        )
        for column in table.get("properties") or ():
            written.append((table["name"], column["name"]))
            yield from _one_column(f"column {table['name']}.{column['name']}", column, columns)
    for table, column in _always_delivered(name):
        if table in tables and (table, column) not in written:
            remedy = "Put it back; loading has a place for it that would stay without a value."
            yield Problem(f"column {table}.{column}", "Loading works with this field.", remedy)


def _always_delivered(name: ContractName) -> list[tuple[str, str]]:
    """The delivered fields that every packaged version has."""
    versions = [load_contract(name, version) for version in contract_versions(name)]
    delivered = [[(c.table, c.name) for c in contract.columns if c.origin == "delivered"] for contract in versions]
    return [key for key in delivered[-1] if all(key in keys for keys in delivered)]


def _one_column(where: str, column: Mapping[str, Any], known: Mapping[str, Column]) -> Iterator[Problem]:
    made = known.get(column["name"])
    origins = get_args(Origin)
    if origin_of(column) not in origins:
        remedy = "Add customProperties: [{property: origin, value: delivered}], or derived."
        yield Problem(where, "It does not say whether suppliers deliver it or this product derives it.", remedy)
    if not column.get("description"):
        yield Problem(where, "It has no description.", "Say in a sentence what it means.")
    if column.get("properties") or column.get("items"):
        yield Problem(where, "It has columns inside it.", "Write flat columns: rows are flat here.")
    if made is None:
        remedy = f"Use a column that it does, or have it built first.{closest(column['name'], list(known))}"
        yield Problem(where, "This product neither takes nor derives such a column.", remedy)
        return
    if column.get("logicalType") != made.logical_type:
        said = column.get("logicalType") or "no logicalType"
        yield Problem(where, f"It is {made.logical_type} here, not {said}.", f"Write logicalType: {made.logical_type}.")
    if origin_of(column) in origins and origin_of(column) != made.origin:
        yield Problem(where, f"It is {made.origin} here.", f"Write the origin {made.origin}.")
