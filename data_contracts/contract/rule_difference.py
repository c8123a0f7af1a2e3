"""What changed in the rules of a contract, and whom it breaks.

Stricter breaks suppliers, looser breaks consumers; a rule that only warns refuses nothing and promises nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from data_contracts.contract.argument_difference import ArgumentChange, compare_arguments, same_value
from data_contracts.contract.change import BOTH, UNREAD, Change, Party, other_keys
from data_contracts.contract.document import Contract, Rule, named_limits, written_qualities

_STRENGTH = {"warn": 0, "reject": 1, "fail": 2}


def rule_changes(a: Contract, b: Contract) -> Iterator[Change]:
    """Every change in the rules of two versions: removed, renamed, added, changed."""
    old, new = ({rule.name: rule for rule in contract.written_rules} for contract in (a, b))
    texts_before, texts_after = _written_rules(a), _written_rules(b)
    gone = [rule for name, rule in old.items() if name not in new]
    come = {name: rule for name, rule in new.items() if name not in old}
    for rule in gone:
        twin = next((name for name, other in come.items() if _asks_the_same(rule, other)), None)
        if twin is None:
            yield _removed_rule(rule)
        else:
            del come[twin]
            said = "the same rows are judged in the same way; counts by rule go on under the new name"
            yield Change(f"rule {rule.name}", f"renamed {twin}", (), said)
    yield from (_added_rule(rule) for rule in come.values())
    for name in sorted({*old} & {*new}):
        yield from _changed_rule(old[name], new[name])
        handled = {"severity", "implementation", "name"}
        yield from other_keys(f"rule {name}", texts_before[name], texts_after[name], handled)
        before, after = (texts[name]["implementation"] for texts in (texts_before, texts_after))
        yield from other_keys(f"rule {name}", before, after, {"type", "kwargs"})


def _written_rules(contract: Contract) -> dict[str, Mapping[str, Any]]:
    return {quality["name"]: quality for _, quality in written_qualities(contract.document)}


def _asks_the_same(one: Rule, other: Rule) -> bool:
    asked = [(rule.table, rule.severity, rule.expectation) for rule in (one, other)]
    return asked[0] == asked[1] and same_value(dict(one.kwargs), dict(other.kwargs))


def _removed_rule(rule: Rule) -> Change:
    if rule.severity == "warn":
        return Change(f"rule {rule.name}", "removed (warn)", (), "it only warned, so it promised nothing of any row")
    return Change(
        f"rule {rule.name}",
        f"removed ({rule.severity})",
        ("consumers",),
        f"consumers: what it promised of every accepted row is promised no more: {rule.description}",
    )


def _added_rule(rule: Rule) -> Change:
    if rule.severity == "warn":
        return Change(f"rule {rule.name}", "added (warn)", (), "it only warns, so nothing is refused for it")
    refused = "rows" if rule.severity == "reject" else "whole files"
    return Change(
        f"rule {rule.name}",
        f"added ({rule.severity})",
        ("suppliers",),
        f"suppliers: {refused} that do not keep it are refused: {rule.description}",
    )


def _changed_rule(old: Rule, new: Rule) -> Iterator[Change]:
    place = f"rule {new.name}"
    if old.severity != new.severity:
        yield _changed_severity(place, old, new)
    enforced = "warn" not in (old.severity, new.severity)
    if (old.table, old.expectation) != (new.table, new.expectation):
        what = f"{old.expectation} over {old.table} -> {new.expectation} over {new.table}"
        yield _judged(place, what, enforced, BOTH, "it asks something else; taken as breaking")
        return
    for change in compare_arguments(new.expectation, old.kwargs, new.kwargs):
        yield _changed_argument(place, change, enforced)


def _changed_severity(place: str, old: Rule, new: Rule) -> Change:
    what = f"severity: {old.severity} -> {new.severity}"
    if _STRENGTH[new.severity] > _STRENGTH[old.severity]:
        refused = "rows" if new.severity == "reject" else "whole files"
        return Change(place, what, ("suppliers",), f"suppliers: {refused} that do not keep it are now refused")
    lost = "every accepted row" if new.severity == "warn" else "every accepted file"
    return Change(place, what, ("consumers",), f"consumers: what it promised of {lost} is promised no more")


def _changed_argument(place: str, change: ArgumentChange, enforced: bool) -> Change:
    what = f"{change.argument}: {change.before} -> {change.after}"
    if not change.understood:
        limits = named_limits(change.before) + named_limits(change.after)
        reason = "another limit, which a ROCU may set higher or lower" if limits else UNREAD
        return _judged(place, what, enforced, BOTH, reason)
    breaks: list[Party] = []
    reasons = []
    if change.stricter:
        breaks.append("suppliers")
        reasons.append("suppliers: some of what was accepted is refused")
    if change.looser:
        breaks.append("consumers")
        reasons.append("consumers: accepted rows may hold what they could not hold before")
    return _judged(place, what, enforced, tuple(breaks), "; ".join(reasons))


def _judged(place: str, what: str, enforced: bool, breaks: tuple[Party, ...], reason: str) -> Change:
    if enforced:
        return Change(place, what, breaks, reason)
    return Change(place, what, (), "on a side where it only warns, it refuses nothing and promises nothing")
