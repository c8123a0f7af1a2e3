"""A draft of a contract is told everything that is wrong with it, at once, each with what to do."""

from __future__ import annotations

from importlib.resources import files

import pytest
from contract_support import damaged, shortened
from hypothesis import HealthCheck, given, settings

from data_contracts.contract.check import check_contract
from data_contracts.contract.document import CONTRACT_NAMES

TEXT = shortened(files("data_contracts").joinpath("contracts/dispositions.odcs.yaml").read_text(encoding="utf-8"))
BETWEEN, CLOCK = "expect_column_values_to_be_between", "${clock_skew_max_s}"


def replaced(*pairs: tuple[str, str]) -> bytes:
    text = TEXT
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new, 1)
    return text.encode()


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_what_is_packaged_can_be_run(name):
    content = files("data_contracts").joinpath(f"contracts/{name}.odcs.yaml").read_bytes()
    assert check_contract(content, name) == ()


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ("severity: reject", "severety: reject", "row_malformed", "severety"),
        ("severity: reject", "severity: error", "row_malformed", "error"),
        ("status: active", "state: active", "document", "state"),
        ("version: 1.1.1", "version: 1.0", "version", "1.0"),
        ("version: 1.1.1", "version: v1", "version", "v1"),
        ("kind: DataContract", "kind: Contract", "kind", "Contract"),
        ("id: find-and-profile.dispositions", "id: acme.dispositions", "id", "acme"),
        ("  purpose:", "  purposes:", "description", "for"),
        ("logicalType: date", "logicalType: day", "window_end", "day"),
        ("logicalType: date", "logicalType: string", "window_end", "date"),
        ("- name: decided_by", "- name: decided_from", "decided_from", "neither"),
        ("- name: decided_by", "- name: decided_from", "decided_by", "Loading"),
        ("- name: decided_by", "- name: finding", "finding", "2 times"),
        ("value: derived", "value: guessed", "row_fault", "derives"),
        ("value: derived", "value: delivered", "row_fault", "derived"),
        ("- name: decided_in_future", "- name: row_malformed", "row_malformed", "2 times"),
        ("name: row_malformed\n            description", "description", "without a name", "name"),
        ("engine: greatExpectations", "engine: soda", "row_malformed", "rule"),
        ("type: expect_column_values_to_not_be_in_set", "kind: none", "row_malformed", "expectation"),
        ("kwargs: {column: row_fault, value_set: [malformed]}", "kwargs: {}", "row_malformed", "arguments"),
        ("{column: row_fault,", "{column: row_faults,", "row_malformed", "row_faults"),
        ("{column: row_fault,", "{column: vrm,", "row_malformed", "restricted"),
        ("{column: row_fault,", "{column: row_fault, mostly: 0.9,", "row_malformed", "mostly"),
        ("{column: row_fault,", "{column: row_fault, result_format: COMPLETE,", "row_malformed", "result_format"),
        (CLOCK, "${clock_skew}", "decided_in_future", "clock_skew"),
        (CLOCK, "about ${clock_skew_max_s}", "decided_in_future", "inside"),
        ("  - name: batches", "  - name: files", "files", "no such table"),
        ("severity: reject", "severity: warn", "row_malformed", "severity reject or fail"),
        ("value_set: [malformed]", "value_set: []", "row_malformed", "empty"),
        ("value_set: [malformed]", "value_set: [other]", "row_malformed", "row_fault is not malformed"),
        ("max_value: 0}", "max_value: 1}", "id_reads_as_plate", "at most 0"),
        ("severity: fail", "severity: warn", "document", "No rule fails a file"),
        ("severity: reject", "severity: reject\n            tags: [DQ99]", "row_malformed", "DQ99"),
    ],
)  # fmt: skip
def test_each_fault_is_told_with_a_remedy(old, new, where, said):
    problems = check_contract(replaced((old, new)), "draft", try_rules=False)
    assert any(where in problem.where and said in f"{problem.what} {problem.remedy}" for problem in problems), problems
    assert all(problem.remedy.endswith((".", "?")) for problem in problems)


@pytest.mark.parametrize(
    ("old", "new", "where", "said"),
    [
        ("value_set: [malformed]", "values: [malformed]", "row_malformed", "values"),
        ("value_set: [malformed]", "value_set: malformed", "row_malformed", "list"),
        ("value_set: [malformed]", "value_set: [1]", "row_malformed", "cannot be run"),
        ("to_not_be_in_set", "to_be_out_of_set", "row_malformed", "to_be_out_of_set"),
        (BETWEEN, "expect_column_max_to_be_between", "decided_in_future", "cannot be run"),
        (BETWEEN, "expect_column_values_to_match_regex", "decided_in_future", "cannot be run"),
        (CLOCK, "soon", "decided_in_future", "cannot be run"),
    ],
)
def test_a_rule_that_cannot_be_run_is_found_by_trying_it(old, new, where, said):
    (problem,) = check_contract(replaced((old, new)), "draft")
    assert where in problem.where
    assert said in problem.what


@pytest.mark.parametrize("name", CONTRACT_NAMES)
def test_a_contract_that_only_warns_is_told_each_rule_that_the_lake_depends_on(name):
    text = files("data_contracts").joinpath(f"contracts/{name}.odcs.yaml").read_text(encoding="utf-8")
    for severity in ("reject", "fail"):
        text = text.replace(f"severity: {severity}", "severity: warn")
    told = {problem.where for problem in check_contract(text.encode(), "draft", try_rules=False)}
    needed = {
        "reads": {
            "row_malformed", "vrm_missing", "vrm_unreadable", "captured_at_missing", "captured_at_unreadable",
            "captured_at_without_zone", "captured_at_ambiguous", "camera_missing", "camera_not_registered",
            "camera_not_in_force", "outside_authorised_area", "captured_in_future", "older_than_retention",
            "id_reads_as_plate",
        },
        "cameras": {"row_malformed", "camera_listed_twice", "interval_overlaps"},
        "dispositions": {"vrm_missing", "finding_unknown", "window_end_missing", "decided_at_without_zone"},
    }  # fmt: skip
    assert {f"rule {rule}" for rule in needed[name]} | {"document"} <= told


def test_what_the_lake_depends_on_may_be_asked_by_a_rule_of_another_name():
    assert check_contract(replaced(("name: row_malformed", "name: row_not_whole")), "draft", try_rules=False) == ()


def test_all_faults_are_told_at_once():
    problems = check_contract(
        replaced(("version: 1.1.1", "version: one"), ("severity: reject", "severety: reject"), (BETWEEN, "expect_all")),
        "draft",
    )
    told = " ".join(f"{problem.where} {problem.what}" for problem in problems)
    assert all(word in told for word in ("one", "severety", "expect_all"))


def test_faults_of_one_rule_and_of_the_writing_do_not_hide_each_other():
    """An engineer who mends what is told must not be told of the next thing, and the next."""
    wrong = (
        ("severity: reject", "severity: rejct\n            severity: rejekt"),
        ("{column: row_fault, value_set: [malformed]}", '{column: row_falt, value_sett: [x], min_value: "${nolimit}"}'),
        ("kind: DataContract", "kind: DataContract\nkind: DataContract\nkind: DataContract"),
    )
    problems = check_contract(replaced(*wrong), "draft")
    told = [f"{problem.where}: {problem.what}" for problem in problems]
    for said in ("key kind stands", "key severity stands", "rejekt", "row_falt", "no limit nolimit", "value_sett"):
        assert any(said in one for one in told), (said, told)
    assert sum("key kind stands twice" in one for one in told) == 2
    assert len(told) == len(set(told))


def test_keys_that_are_no_text_and_references_do_not_hide_the_rest():
    wrong = (
        ("kind: DataContract", "kind: DataContract\n1: &x {2: one}\non: *x\nid: *x"),
        ("severity: reject", "severety: reject"),
    )
    told = [problem.what for problem in check_contract(replaced(*wrong), "draft", try_rules=False)]
    for said in ("key 1 is not", "key on is not", "key 2 is not", "reference (*x)", "key id stands", "severety"):
        assert sum(said in one for one in told) == (2 if said == "reference (*x)" else 1), (said, told)


@pytest.mark.parametrize(
    "grown",
    [
        "a: &a [*a]",
        "a: &a {b: {<<: *a}}",
        "\n".join(f"k{n}: &k{n} [{', '.join([f'*k{n - 1}'] * 9 * (n > 0))}]" for n in range(9)),
    ],
)
def test_what_holds_itself_or_grows_through_references_is_told_of_them_alone(grown):
    problems = check_contract(grown.encode(), "draft", try_rules=False)
    assert problems
    assert all("reference" in problem.what or "key <<" in problem.what for problem in problems)


def test_a_misspelled_expectation_is_told_beside_a_wrong_severity():
    problems = check_contract(replaced(("severity: reject", "severity: rejct"), ("be_in_set", "be_in_sett")), "draft")
    told = " ".join(problem.what for problem in problems)
    assert "rejct" in told
    assert "be_in_sett" in told


def test_a_register_cannot_be_taken_in_part():
    text = files("data_contracts").joinpath("contracts/cameras.odcs.yaml").read_text(encoding="utf-8")
    (problem,) = check_contract(text.replace("severity: fail", "severity: warn", 1).encode(), "draft")
    assert "register" in problem.what


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"- a list",
        b"\xff\xfe\x00",
        b"a: [",
        b"a: \x00",
        b"[" * 4000,
        b"a: &x [*x]",
        b"a: " + b"x" * 1_000_001,
    ],
)  # fmt: skip
def test_what_is_no_document_is_one_problem(content):
    (problem,) = check_contract(content, "draft")
    assert problem.remedy


@pytest.mark.parametrize(("content", "told"), [(b"a: &x [1]\nb: *x", "A reference"), (b"1: 2", "is not text")])
def test_what_a_contract_cannot_use_is_told_beside_what_it_lacks(content, told):
    first, *others = check_contract(content, "draft")
    assert told in first.what
    assert any("apiVersion" in problem.what or "schema" in problem.what for problem in others)
    assert all(problem.remedy for problem in (first, *others))


def test_a_rule_can_reach_nothing_outside(tmp_path):
    secret = tmp_path / "secret.csv"
    secret.write_text("a\n1\n")
    query = f"SELECT * FROM read_csv('{secret}')"
    rule = f'{{column: row_fault, value_set: [malformed], row_condition: "(SELECT count(*) FROM ({query})) > 0"}}'
    content = replaced(("{column: row_fault, value_set: [malformed]}", rule))
    assert check_contract(content, "draft") != ()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(damaged(TEXT))
def test_no_damage_of_a_document_gets_past_without_being_told(content):
    for problem in check_contract(content, "draft", try_rules=False):
        assert problem.where
        assert problem.remedy
