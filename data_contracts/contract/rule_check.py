"""Whether the rules of a document are ones that this product can run, by what they say; trying them is `rule_trial`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data_contracts.contract.document import PARAMETER, QUALITY_NUMBERS, SEVERITIES, ContractName
from data_contracts.contract.schema import Problem, closest
from data_contracts.judgement.limits import IngestLimits

NOT_A_RULES = frozenset(
    {"batch_id", "catch_exceptions", "id", "meta", "notes", "rendered_content", "result_format", "severity", "windows"}
)
COLUMN_ARGUMENTS = ("column", "column_A", "column_B", "column_list")
WrittenColumns = Mapping[tuple[str, str], Mapping[str, Any]]


def rule_problems(
    table: str, quality: Mapping[str, Any], columns: WrittenColumns, name: ContractName | None
) -> Iterator[Problem]:
    """What is wrong with one rule.

    Args:
        table: The table that it stands under.
        quality: Its entry.
        columns: The columns of the document, by table and name.
        name: Of the contract; `None` when the document is none of ours.
    """
    where = rule_place(quality)
    yield from _shape_problems(where, quality, name)
    if written_expectation(quality) is not None:
        yield from _argument_problems(where, table, quality, columns)
    for tag in quality.get("tags") or ():
        if tag.upper().startswith("DQ") and tag not in QUALITY_NUMBERS:
            remedy = f"Write one of {QUALITY_NUMBERS[0]} to {QUALITY_NUMBERS[-1]}, or a tag of another kind."
            yield Problem(where, f"{tag} is no known data-quality problem.", remedy)


def rule_place(quality: Mapping[str, Any]) -> str:
    """How a rule is named in problems."""
    return f"rule {quality.get('name') or 'without a name'}"


def written_expectation(quality: Mapping[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """The expectation of a rule and its arguments, if they can be made out whatever else is wrong with it."""
    implementation = quality.get("implementation")
    if not isinstance(implementation, dict) or not isinstance(implementation.get("type"), str):
        return None
    kwargs = implementation.get("kwargs")
    if not isinstance(kwargs, dict) or not kwargs or not all(isinstance(key, str) for key in kwargs):
        return None
    return implementation["type"], kwargs


def columns_of(kwargs: Mapping[str, Any]) -> list[str]:
    """The columns that the arguments of a rule name."""
    named = (kwargs.get(key, []) for key in COLUMN_ARGUMENTS)
    return [str(column) for value in named for column in (value if isinstance(value, list) else [value])]


def _shape_problems(where: str, quality: Mapping[str, Any], name: ContractName | None) -> Iterator[Problem]:
    if not quality.get("name"):
        yield Problem(
            where, "A rule has no name.", "Name it by what is wrong when it is broken, such as camera_missing."
        )
    if not quality.get("description"):
        yield Problem(where, "It has no description.", "Say in a sentence what holds when the rule is kept.")
    if quality.get("severity") not in SEVERITIES:
        said = f"The severity is {quality['severity']}." if quality.get("severity") else "It has no severity."
        yield Problem(where, said, f"Write one of {', '.join(SEVERITIES)}.")
    elif name == "cameras" and quality["severity"] != "fail":
        remedy = "Write severity: fail; a register with one wrong row is refused as a whole."
        yield Problem(where, f"A camera register cannot {quality['severity']}.", remedy)
    if quality.get("type") != "custom" or quality.get("engine") != "greatExpectations":
        yield Problem(where, "It is no rule that this product runs.", "Write type: custom, engine: greatExpectations.")
    implementation = quality.get("implementation")
    if not isinstance(implementation, dict) or not isinstance(implementation.get("type"), str):
        yield Problem(where, "It names no expectation.", "Write implementation: {type: expect_…, kwargs: {…}}.")
    elif not isinstance(implementation.get("kwargs"), dict) or not implementation["kwargs"]:
        yield Problem(where, "The expectation has no arguments.", "Add kwargs, such as {column: …, max_value: …}.")
    else:
        for key in sorted({*implementation} - {"type", "kwargs"}):
            yield Problem(where, f"implementation has no key {key}.", f"Remove it.{closest(key, ['type', 'kwargs'])}")


def _argument_problems(
    where: str, table: str, quality: Mapping[str, Any], columns: WrittenColumns
) -> Iterator[Problem]:
    kwargs: Mapping[str, Any] = quality["implementation"]["kwargs"]
    if quality.get("severity") == "reject" and "mostly" in kwargs:
        yield Problem(where, "A row cannot be rejected mostly.", "Remove mostly, or make it warn or fail.")
    for key in sorted(NOT_A_RULES & set(kwargs)):
        yield Problem(
            where, f"{key} is not for a contract to say.", "Remove it; how results are made is the product's."
        )
    if kwargs.get("value_set") == []:
        remedy = "Name the values, or remove the rule."
        yield Problem(where, "value_set is empty: every row breaks the rule, or none can.", remedy)
    for key, value in kwargs.items():
        yield from _limit_problems(where, key, value)
    for column in columns_of(kwargs):
        yield from _column_of_rule(where, table, column, columns)


def _limit_problems(where: str, key: str, value: Any) -> Iterator[Problem]:
    if "${" not in str(value):
        return
    found = PARAMETER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        remedy = "Write the whole argument as ${limit}, or as ${1 - limit}."
        yield Problem(where, f"{key}: a limit stands inside other text.", remedy)
    elif found[2] not in IngestLimits.model_fields:
        known = list(IngestLimits.model_fields)
        remedy = closest(found[2], known).strip() or "Use one of those that docs/limits.md lists."
        yield Problem(where, f"{key}: there is no limit {found[2]}.", remedy)


def _column_of_rule(where: str, table: str, name: str, columns: WrittenColumns) -> Iterator[Problem]:
    column = columns.get((table, name))
    if column is None:
        known = [key[1] for key in columns if key[0] == table]
        yield Problem(where, f"Table {table} has no column {name}.", f"Name one that it has.{closest(name, known)}")
    elif column.get("classification") == "restricted":
        remedy = "Look at a column that was derived from it; no rule sees a number plate."
        yield Problem(where, f"Column {name} is restricted.", remedy)
