"""One line of the gate: what is checked, the limit, where it comes from, the value, and passed, refused or missing.

A value that is not there, or is no number, is missing, never passed. Does not belong here: which lines there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

from governance.gate.evidence import Frozen, present

Result = Literal["passed", "refused", "missing"]
RULE = "rule of the product"
POLICY = "policy"
AGAINST_DEFAULT = "policy against default"
WEAKER_IN_NOTHING = "weaker in nothing"


class GateLine(Frozen):
    """One check and what came of it."""

    name: str
    what: str
    limit: str
    source: str
    value: str
    result: Result


def at_least(name: str, what: str, value: float | int | None, limit: float | int, unit: str = "") -> GateLine:
    """A line that passes from a limit of the policy upwards; `unit` says of what both are, after the number."""
    passed = value >= limit if value is not None and present(value) else None
    return line(name, what, f"at least {_of(f'{limit:g}', unit)}", POLICY, _number(value, unit), passed)


def at_most(
    name: str, what: str, value: float | int | None, limit: float | int, unit: str = "", below_none: str = ""
) -> GateLine:
    """A line that passes up to a limit of the policy; `below_none` says of what a number below nought is, without sign.

    A negative loss is a gain, and is called so: a minus before a number that should be small is read the wrong way.
    """
    passed = value <= limit if value is not None and present(value) else None
    gained = below_none and value is not None and present(value) and value < 0
    shown = _number(-value, below_none) if gained and value is not None else _number(value, unit)
    return line(name, what, f"at most {_of(f'{limit:g}', unit)}", POLICY, shown, passed)


def _number(value: float | int | None, unit: str) -> str:
    if value is None or not present(value):
        return "not measured"
    return _of(str(value) if isinstance(value, int) else f"{value:.4f}", unit)


def _of(number: str, unit: str) -> str:
    return f"{number} {unit}" if unit else number


def line(name: str, what: str, limit: str, source: str, value: str, passed: bool | None) -> GateLine:
    """A line; `passed` is `None` when there is nothing to judge."""
    result: Result = "missing" if passed is None else "passed" if passed else "refused"
    return GateLine(name=name, what=what, limit=limit, source=source, value=value, result=result)


def not_passed(lines: Iterable[Mapping[str, str]]) -> tuple[str, ...]:
    """One sentence for each of these lines that did not pass; lines as the log has them."""
    return tuple(
        f"{line['name']}: {line['value']} (needed: {line['limit']})" for line in lines if line["result"] != "passed"
    )


def limits_said(lines: Iterable[Mapping[str, str]]) -> str:
    """In how many settings the policy of these lines is weaker than the packaged default; empty if in none."""
    values = (line["value"] for line in lines if line["name"] == AGAINST_DEFAULT)
    weaker = next((value for value in values if not value.startswith(WEAKER_IN_NOTHING)), "")
    number, named, _ = weaker.removeprefix("weaker in ").partition(":")
    return f"by a policy weaker than the packaged default in settings: {number}" if named else ""
