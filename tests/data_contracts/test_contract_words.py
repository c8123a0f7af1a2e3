"""What a rule asks is said in words that need no knowledge of expectations."""

from __future__ import annotations

import pytest

from data_contracts.contract.document import CONTRACT_NAMES, Rule, load_contract
from data_contracts.contract.words import what_is_asked
from data_contracts.judgement.limits import IngestLimits


@pytest.mark.parametrize(
    ("expectation", "kwargs", "said"),
    [
        ("values_to_be_between", {"min_value": 0, "max_value": 100.0}, "x is at least 0 and at most 100"),
        ("values_to_be_between", {"min_value": 1, "strict_min": True}, "x is more than 1"),
        ("values_to_be_between", {"max_value": "${clock_skew_max_s}"}, "x is at most clock_skew_max_s"),
        ("values_to_be_in_set", {"value_set": ["a", 2, True]}, 'x is "a" or 2 or true'),
        ("values_to_not_be_in_set", {"value_set": ["a", "b"]}, 'x is not "a" and not "b"'),
        ("values_to_be_null", {}, "x is empty"),
        ("values_to_be_null", {"mostly": 0.975}, "x is empty, in at least 0.975 of the rows"),
        (
            "values_to_be_null",
            {"mostly": "${1 - max_unknown_format_share}"},
            "x is empty, in all but a share of max_unknown_format_share of the rows",
        ),
        ("value_lengths_to_equal", {"value": 7}, "column value lengths to equal: column x, value 7"),
    ],
)
def test_what_a_rule_asks(expectation, kwargs, said):
    rule = Rule("r", "reads", "reject", "A rule.", f"expect_column_{expectation}", {"column": "x", **kwargs})
    assert what_is_asked(rule) == said


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_every_shipped_rule_is_said_without_an_expectation_in_it(name):
    for rules in (load_contract(name).written_rules, load_contract(name).rules(IngestLimits())):
        for rule in rules:
            words = what_is_asked(rule)
            assert words.startswith(f"{rule.kwargs['column']} is ") or "no value twice" in words
            assert "${" not in words
