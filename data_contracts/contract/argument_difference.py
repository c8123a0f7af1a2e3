"""Whether a rule with other arguments asks more or less of the data: pure comparison, expectation by kind.

Stricter means that some row or batch which kept the rule does not keep it any more; looser, the reverse. Both is what
an exchange of values is, and what any change is taken for that nobody here knows how to read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

SIDES = {"min_value": "strict_min", "max_value": "strict_max"}
FEWER_IS_STRICTER = ("_to_be_in_set",)
MORE_IS_STRICTER = ("_to_not_be_in_set", "_to_contain_set")
TEXT_ONLY = frozenset({"notes", "meta", "description"})


@dataclass(frozen=True)
class ArgumentChange:
    """One argument of a rule that is not what it was, in words.

    Args:
        argument: Its name.
        before: What it was, as people read it.
        after: What it is.
        stricter: Something that kept the rule may not keep it now.
        looser: Something that did not keep the rule may keep it now.
        understood: The direction is known; else both are taken to hold.
    """

    argument: str
    before: str
    after: str
    stricter: bool
    looser: bool
    understood: bool = True


def compare_arguments(
    expectation: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> tuple[ArgumentChange, ...]:
    """What changed between the arguments of one rule, in the order of their names.

    Args:
        expectation: Type of the expectation, the same on both sides.
        before: The arguments as they were written, limits not put in.
        after: The arguments as they are written.
    """
    return tuple(_changes(expectation, before, after))


def same_value(before: Any, after: Any) -> bool:
    """Whether two written values are one: 1 is 1.0, but not true."""
    return _canonical(before) == _canonical(after)


def _changes(expectation: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[ArgumentChange]:
    bounded = "_to_be_between" in expectation
    for name in sorted({*before, *after} - TEXT_ONLY):
        old, new = before.get(name), after.get(name)
        if bounded and name in (*SIDES, *SIDES.values()):
            continue
        if name == "mostly":
            yield from _share(old, new)
        elif same_value(old, new):
            continue
        elif name == "value_set":
            yield _value_set(expectation, old, new)
        elif name == "row_condition" and (old is None or new is None) and "mostly" not in {*before, *after}:
            yield ArgumentChange(name, _said(old), _said(new), stricter=new is None, looser=old is None)
        else:
            yield _unread(name, old, new)
    if bounded:
        for side in SIDES:
            yield from _bound(side, before, after)


def _share(old: Any, new: Any) -> Iterator[ArgumentChange]:
    old, new = (1 if value is None else value for value in (old, new))
    if same_value(old, new):
        return
    if _ordered(old, new):
        yield ArgumentChange("mostly", _said(old), _said(new), stricter=new > old, looser=new < old)
    else:
        yield _unread("mostly", old, new)


def _value_set(expectation: str, old: Any, new: Any) -> ArgumentChange:
    if not (isinstance(old, list) and isinstance(new, list)):
        return _unread("value_set", old, new)
    were, are = ({_canonical(value) for value in values} for values in (old, new))
    if expectation.endswith(MORE_IS_STRICTER):
        were, are = are, were
    elif not expectation.endswith(FEWER_IS_STRICTER):
        return _unread("value_set", old, new)
    return ArgumentChange("value_set", _said(old), _said(new), stricter=bool(were - are), looser=bool(are - were))


def _bound(side: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[ArgumentChange]:
    old, new = before.get(side), after.get(side)
    open_before, open_after = (
        (old is not None and bool(before.get(SIDES[side]))),
        (new is not None and bool(after.get(SIDES[side]))),
    )
    if same_value(old, new) and open_before == open_after:
        return
    said = _bound_said(side, old, open_before), _bound_said(side, new, open_after)
    if old is None or new is None:
        yield ArgumentChange(side, *said, stricter=old is None, looser=new is None)
    elif same_value(old, new):
        yield ArgumentChange(side, *said, stricter=open_after, looser=open_before)
    elif _ordered(old, new):
        raised = new > old
        yield ArgumentChange(
            side, *said, stricter=raised == (side == "min_value"), looser=raised == (side == "max_value")
        )
    else:
        yield ArgumentChange(side, *said, stricter=True, looser=True, understood=False)


def _bound_said(side: str, value: Any, is_open: bool) -> str:
    if value is None:
        return "no limit"
    words = {
        ("min_value", False): "at least",
        ("min_value", True): "more than",
        ("max_value", False): "at most",
        ("max_value", True): "less than",
    }
    return f"{words[side, is_open]} {_said(value)}"


def _unread(name: str, old: Any, new: Any) -> ArgumentChange:
    return ArgumentChange(name, _said(old), _said(new), stricter=True, looser=True, understood=False)


def _ordered(old: Any, new: Any) -> bool:
    """Whether one of the two is known to be the greater."""
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in (old, new))
    days = type(old) is type(new) and isinstance(old, date)
    return (numbers or days) and (old < new or old > new)


def _canonical(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return json.dumps(value, sort_keys=True, default=str)


def _said(value: Any) -> str:
    if value is None:
        return "nothing"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
