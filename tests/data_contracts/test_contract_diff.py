"""What changed between two versions, whom it breaks, and that no version takes too small a step for it."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from itertools import pairwise
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from data_contracts.contract.argument_difference import compare_arguments
from data_contracts.contract.diff import STEPS, ContractDifference, compare_contracts
from data_contracts.contract.document import CONTRACT_NAMES, Contract, contract_versions, load_contract, parse_contract
from infra.errors import WrongInputError

RULE = {
    "name": "confidence_range",
    "description": "Confidence lies in its range.",
    "severity": "reject",
    "type": "custom",
    "engine": "greatExpectations",
    "implementation": {
        "type": "expect_column_values_to_be_between",
        "kwargs": {"column": "confidence", "min_value": 0, "max_value": 100},
    },
}


def a_document(version: str = "1.0.0", rules: list[dict[str, Any]] | None = None, **column: Any) -> dict[str, Any]:
    confidence = {
        "name": "confidence",
        "logicalType": "number",
        "required": False,
        "description": "How sure the reader was.",
        "customProperties": [{"property": "origin", "value": "delivered"}],
        "quality": [RULE] if rules is None else rules,
        **column,
    }
    return {
        "kind": "DataContract",
        "apiVersion": "v3.0.2",
        "id": "find-and-profile.reads",
        "version": version,
        "status": "active",
        "description": {"purpose": "Reads."},
        "schema": [{"name": "reads", "properties": [confidence]}],
    }


def a_contract(document: dict[str, Any]) -> Contract:
    return parse_contract(yaml.safe_dump(document, sort_keys=False).encode())


def a_rule(**changed: Any) -> dict[str, Any]:
    kwargs = {"column": "confidence", "min_value": 0, "max_value": 100, **changed.pop("kwargs", {})}
    expectation = changed.pop("expectation", RULE["implementation"]["type"])
    kwargs = {key: value for key, value in kwargs.items() if value is not ...}
    return {**RULE, **changed, "implementation": {"type": expectation, "kwargs": kwargs}}


def changed(old: dict[str, Any], new: dict[str, Any]) -> ContractDifference:
    return compare_contracts(a_contract(old), a_contract(new))


def with_rules(*rules: dict[str, Any]) -> dict[str, Any]:
    return a_document(rules=list(rules))


def with_column(*columns: dict[str, Any]) -> dict[str, Any]:
    document = a_document()
    document["schema"][0]["properties"] += columns
    return document


def a_column(required: bool, origin: str = "delivered") -> dict[str, Any]:
    return {
        "name": "lane",
        "logicalType": "string",
        "required": required,
        "description": "The lane.",
        "customProperties": [{"property": "origin", "value": origin}],
    }


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_every_shipped_version_takes_a_step_that_says_what_changed(name):
    for old, new in pairwise(contract_versions(name)):
        difference = compare_contracts(load_contract(name, old), load_contract(name, new))
        assert difference.is_enough, f"{name} {old} -> {new} needs {difference.needed}"


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_old_versions_lie_under_the_version_that_they_have(name):
    assert [load_contract(name, version).version for version in contract_versions(name)] == list(
        contract_versions(name)
    )
    kept = files("data_contracts").joinpath("contracts/history")
    held = {item.name for item in kept.iterdir()} if kept.is_dir() else set()
    assert all(item.partition("-")[0] in CONTRACT_NAMES for item in held)


def test_a_version_that_was_never_shipped_is_named_with_those_that_were():
    with pytest.raises(WrongInputError, match=r"9\.9\.9"):
        load_contract("reads", "9.9.9")


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_a_contract_does_not_differ_from_itself(name):
    contract = load_contract(name)
    difference = compare_contracts(contract, contract)
    assert (difference.changes, difference.needed, difference.taken, difference.is_enough) == ((), "none", "none", True)


SUPPLIERS, CONSUMERS, BOTH = ("suppliers",), ("consumers",), ("suppliers", "consumers")
PROMISED = {**a_document(), "slaProperties": [{"property": "latency", "value": 4}]}
CHANGES = {
    "field removed": (with_column(a_column(False)), a_document(), CONSUMERS),
    "optional field added": (a_document(), with_column(a_column(False)), ()),
    "required field added": (a_document(), with_column(a_column(True)), SUPPLIERS),
    "derived field added": (a_document(), with_column(a_column(True, "derived")), ()),
    "field made required": (a_document(), a_document(required=True), SUPPLIERS),
    "field made optional": (a_document(required=True), a_document(), CONSUMERS),
    "type changed": (a_document(), a_document(logicalType="string"), BOTH),
    "type widened": (a_document(logicalType="integer"), a_document(), CONSUMERS),
    "type narrowed": (a_document(), a_document(logicalType="integer"), SUPPLIERS),
    "field restricted": (a_document(), a_document(classification="restricted"), CONSUMERS),
    "unknown key of a field": (a_document(), a_document(unique=True), BOTH),
    "field derived now": (
        with_column(a_column(False)),
        with_column(a_column(False, "derived")),
        CONSUMERS,
    ),
    "reject rule added": (with_rules(), with_rules(RULE), SUPPLIERS),
    "reject rule removed": (with_rules(RULE), with_rules(), CONSUMERS),
    "fail rule added": (with_rules(), with_rules(a_rule(severity="fail")), SUPPLIERS),
    "warn rule added": (with_rules(), with_rules(a_rule(severity="warn")), ()),
    "warn rule removed": (with_rules(a_rule(severity="warn")), with_rules(), ()),
    "rule renamed": (with_rules(RULE), with_rules(a_rule(name="out_of_range")), ()),
    "warn raised to reject": (with_rules(a_rule(severity="warn")), with_rules(RULE), SUPPLIERS),
    "reject raised to fail": (with_rules(RULE), with_rules(a_rule(severity="fail")), SUPPLIERS),
    "reject lowered to warn": (with_rules(RULE), with_rules(a_rule(severity="warn")), CONSUMERS),
    "fail lowered to reject": (with_rules(a_rule(severity="fail")), with_rules(RULE), CONSUMERS),
    "range narrowed": (with_rules(RULE), with_rules(a_rule(kwargs={"max_value": 90})), SUPPLIERS),
    "range widened": (with_rules(RULE), with_rules(a_rule(kwargs={"max_value": 110})), CONSUMERS),
    "range shifted": (with_rules(RULE), with_rules(a_rule(kwargs={"min_value": 10, "max_value": 110})), BOTH),
    "bound taken away": (with_rules(RULE), with_rules(a_rule(kwargs={"max_value": ...})), CONSUMERS),
    "bound made strict": (with_rules(RULE), with_rules(a_rule(kwargs={"strict_max": True})), SUPPLIERS),
    "literal made a limit": (with_rules(RULE), with_rules(a_rule(kwargs={"max_value": "${retention_days}"})), BOTH),
    "another limit": (
        with_rules(a_rule(kwargs={"max_value": "${clock_skew_max_s}"})),
        with_rules(a_rule(kwargs={"max_value": "${retention_days}"})),
        BOTH,
    ),
    "another column": (with_rules(RULE), with_rules(a_rule(kwargs={"column": "other"})), BOTH),
    "another expectation": (with_rules(RULE), with_rules(a_rule(expectation="expect_column_values_to_be_null")), BOTH),
    "range of a warning": (
        with_rules(a_rule(severity="warn")),
        with_rules(a_rule(severity="warn", kwargs={"max_value": 1})),
        (),
    ),
    "only some rows looked at": (with_rules(RULE), with_rules(a_rule(kwargs={"row_condition": "x > 1"})), CONSUMERS),
    "promise removed": (PROMISED, a_document(), CONSUMERS),
    "contract retired": (a_document(), {**a_document(), "status": "retired"}, BOTH),
    "promise added": (a_document(), PROMISED, ()),
    "promise changed": (PROMISED, {**a_document(), "slaProperties": [{"property": "latency", "value": 5}]}, BOTH),
    "servers changed": (a_document(), {**a_document(), "servers": [{"server": "a", "type": "local"}]}, BOTH),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_whom_a_change_breaks(what):
    old, new, broken = CHANGES[what]
    difference = changed(old, new)
    assert {party for change in difference.changes for party in change.breaks} == set(broken)
    assert {change.kind for change in difference.changes} == {"breaking" if broken else "compatible"}
    assert all(change.reason for change in difference.changes)
    assert difference.needed == ("major" if broken else "minor")


@pytest.mark.parametrize(
    "new",
    [
        {**a_document(), "description": {"purpose": "Reads, said otherwise."}},
        a_document(description="Another sentence."),
        with_rules({**RULE, "description": "Another sentence."}),
        with_rules({**RULE, "tags": ["DQ06"]}),
    ],
)
def test_words_are_editorial(new):
    (change,) = changed(a_document(), new).changes
    assert change.kind == "editorial"
    assert changed(a_document(), new).needed == "patch"


def test_order_and_layout_are_no_change():
    document = a_document()
    turned = {key: document[key] for key in reversed(document)}
    assert changed(document, turned).changes == ()


@pytest.mark.parametrize(
    ("old", "new", "taken", "is_enough"),
    [
        ("1.2.3", "2.0.0", "major", True),
        ("1.2.3", "1.3.0", "minor", False),
        ("1.2.3", "1.2.4", "patch", False),
        ("1.2.3", "1.2.3", "none", False),
        ("1.2.3", "1.1.0", "back", False),
        ("2.0.0", "1.9.9", "back", False),
        ("0.9.0", "0.10.0", "minor", False),
    ],
)
def test_a_breaking_change_needs_a_major_step(old, new, taken, is_enough):
    difference = changed(a_document(old), a_document(new, rules=[a_rule(kwargs={"max_value": 90})]))
    assert (difference.taken, difference.is_enough) == (taken, is_enough)
    if old == "1.2.3":
        assert difference.least_version == "2.0.0"


BOUNDS = st.none() | st.integers(-5, 5)
BETWEEN = st.fixed_dictionaries(
    {}, optional={"min_value": BOUNDS, "max_value": BOUNDS, "strict_min": st.booleans(), "strict_max": st.booleans()}
)
SETS = st.fixed_dictionaries({"value_set": st.lists(st.sampled_from("abcd"), unique=True)})
IN, NOT_IN = "expect_column_values_to_be_in_set", "expect_column_values_to_not_be_in_set"


def kept_by(kwargs: dict[str, Any]) -> set[float]:
    """The halves from -10 to 10 that a between rule accepts."""
    values = {half / 2 for half in range(-20, 21)}
    low, high = kwargs.get("min_value"), kwargs.get("max_value")
    return {
        value
        for value in values
        if (low is None or value > low or (value == low and not kwargs.get("strict_min")))
        and (high is None or value < high or (value == high and not kwargs.get("strict_max")))
    }


@given(BETWEEN, BETWEEN)
def test_a_range_is_called_stricter_exactly_when_it_refuses_more(before, after):
    found = compare_arguments("expect_column_values_to_be_between", before, after)
    old, new = kept_by(before), kept_by(after)
    if not found:
        assert old == new
    # a range that is empty anyway may get a stricter bound without refusing more
    assert not (old - new) or any(change.stricter for change in found)
    assert not (new - old) or any(change.looser for change in found)
    if old and new and len(found) == 1:
        assert (found[0].stricter, found[0].looser) == (bool(old - new), bool(new - old))


@given(st.sampled_from([IN, NOT_IN]), SETS, SETS)
def test_a_set_is_called_stricter_exactly_when_it_refuses_more(kind, before, after):
    letters = set("abcde")
    old, new = (letters & set(k["value_set"]) if kind == IN else letters - set(k["value_set"]) for k in (before, after))
    found = compare_arguments(kind, before, after)
    assert (any(c.stricter for c in found), any(c.looser for c in found)) == (bool(old - new), bool(new - old))


@given(st.sampled_from(["reject", "fail", "warn"]), st.sampled_from(["reject", "fail", "warn"]), BETWEEN, BETWEEN)
def test_what_breaks_suppliers_one_way_breaks_consumers_the_other_way(one, other, before, after):
    old = a_document(rules=[a_rule(severity=one, kwargs=before)])
    new = a_document(rules=[a_rule(severity=other, kwargs=after)])
    there, back = changed(old, new), changed(new, old)
    broken = [{party for change in difference.changes for party in change.breaks} for difference in (there, back)]
    mirrored = {{"suppliers": "consumers", "consumers": "suppliers"}[party] for party in broken[0]}
    assert mirrored == broken[1]
    assert STEPS.index(there.needed) == STEPS.index(back.needed)


@given(BETWEEN)
def test_no_change_is_found_where_there_is_none(kwargs):
    document = a_document(rules=[a_rule(kwargs=kwargs)])
    assert changed(document, document).changes == ()


# every text that a batch may have been judged by
RELEASED = {
    "cameras.odcs.yaml": "2927d54190872852e61c4fbaab1c707cc90243a8786de8b1c1bd809179afed06",
    "dispositions.odcs.yaml": "e71a7990983af19395c91ea299d64467c01c4ae3416ce9991fec3bc138c65e3f",
    "reads.odcs.yaml": "32267d6c8dedc7e65889e477448e9910ca0ea85bf23a646095b553744d6960c2",
    "cameras-1.0.0.odcs.yaml": "4c20ea8c3aa97c13e3eeb5d95bc7fce56a5670a404c7ca833c67642ef5e7b478",
    "cameras-1.1.0.odcs.yaml": "d0411adfa9e791ce41e319599b8da09cd5091df03c92f8129e2bc0453a087263",
    "dispositions-1.0.0.odcs.yaml": "4c19a6d7544e4fba64354dee8a3545ce669a1ad7b326724a911ff3c3e0ef42f6",
    "dispositions-1.1.0.odcs.yaml": "8e6269b7415ed8a18caed57c3841173926b0695ea7327292b87392623b36ec36",
    "reads-1.0.0.odcs.yaml": "b74e4273ed2d76718d692317175c6b7409112132fad5a31843cecbfe0b24de41",
    "reads-2.0.0.odcs.yaml": "714b8862e9861b67ac5fed4ca375849ea90c30c28b90f529013f60ad66b8cdd7",
}


def test_a_released_version_keeps_its_text() -> None:
    contracts = files("data_contracts") / "contracts"
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest()
        for folder in (contracts, contracts / "history")
        for file in folder.iterdir()
        if file.name.endswith(".odcs.yaml")
    }
    assert found == RELEASED, "raise the version and move the text of before to history/, then list both here"
