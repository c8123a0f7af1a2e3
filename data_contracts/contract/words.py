"""What a rule asks, in words for people who do not read expectations."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from data_contracts.contract.document import PARAMETER, Rule

_BOUNDS = {
    ("min_value", False): "at least",
    ("min_value", True): "more than",
    ("max_value", False): "at most",
    ("max_value", True): "less than",
}


def what_is_asked(rule: Rule) -> str:
    """What the rule asks of its column, such as `confidence is at least 0 and at most 100`.

    Args:
        rule: With the limits put in, or as it was written; then limits are told by their names.
    """
    words = _condition(rule.expectation.removeprefix("expect_"), rule.kwargs)
    if rule.kwargs.get("row_condition"):
        words += f", where {rule.kwargs['row_condition']}"
    return words + _share(rule.kwargs.get("mostly", 1))


def asks_a_flag(rule: Rule) -> bool:
    """Whether the rule only asks that a column made for it does not say what the rule is about (`…_fault`)."""
    return rule.expectation == "expect_column_values_to_not_be_in_set" and str(rule.kwargs.get("column")).endswith(
        "_fault"
    )


def _condition(kind: str, kwargs: Mapping[str, Any]) -> str:
    column, values = kwargs.get("column"), kwargs.get("value_set")
    if kind == "column_values_to_be_between":
        sides = [
            f"{_BOUNDS[side, bool(kwargs.get(f'strict_{side[:3]}'))]} {value_said(kwargs[side])}"
            for side in ("min_value", "max_value")
            if kwargs.get(side) is not None
        ]
        return f"{column} is {' and '.join(sides)}"
    if kind == "column_values_to_be_in_set" and isinstance(values, list):
        return f"{column} is {' or '.join(map(_quoted, values))}"
    if kind == "column_values_to_not_be_in_set" and isinstance(values, list):
        return f"{column} is not {' and not '.join(map(_quoted, values))}"
    plain = {
        "column_values_to_be_null": f"{column} is empty",
        "column_values_to_not_be_null": f"{column} is not empty",
        "column_values_to_be_unique": f"{column} has no value twice",
    }
    arguments = ", ".join(f"{key} {value_said(value)}" for key, value in kwargs.items() if key != "mostly")
    return plain.get(kind) or f"{kind.replace('_', ' ')}: {arguments}"


def _quoted(value: Any) -> str:
    return f'"{value}"' if isinstance(value, str) else value_said(value)


def _share(mostly: Any) -> str:
    found = PARAMETER.fullmatch(mostly) if isinstance(mostly, str) else None
    if found:
        share = f"all but a share of {found[2]}" if found[1] else f"a share of at least {found[2]}"
        return f", in {share} of the rows"
    return "" if mostly == 1 else f", in at least {float(mostly):.4g} of the rows"


def value_said(value: Any) -> str:
    """A value as people write it; a limit by its name."""
    if isinstance(value, str):
        found = PARAMETER.fullmatch(value)
        return value if found is None else f"1 - {found[2]}" if found[1] else found[2]
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {value_said(held)}" for key, held in value.items()) or "none"
    if isinstance(value, list | tuple):
        return ", ".join(map(value_said, value)) or "none"
    if value is None:
        return "none"
    return f"{value:.10g}" if isinstance(value, int | float) else str(value)
