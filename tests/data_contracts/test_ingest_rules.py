"""Every rule of the contract for reads says no to a row that breaks it, through the whole of ingest."""

from __future__ import annotations

from data_contracts.contract.document import load_contract
from flows.steps.data import judged

BROKEN = {
    "row_malformed": ["AB12CDE,2026-05-18T08:00:00Z", "AB12CDE,2026-05-18T08:00:00Z,CAM-1,1,true,f,s,,too,many"],
    "vrm_missing": [{"vrm": ""}, {"vrm": "noread"}],
    "vrm_unreadable": [{"vrm": "A?1*"}, {"vrm": "ABCDEFGHIJKLMN"}],
    "captured_at_missing": [{"captured_at": ""}],
    "captured_at_unreadable": [
        {"captured_at": "yesterday"},
        {"captured_at": "2026-13-01T00:00:00Z"},
        {"captured_at": "2026-05-18"},
        {"captured_at": "infinity"},
    ],
    "captured_at_without_zone": [{"captured_at": "2026-05-18T08:00:00"}],
    "captured_after_receipt": [{"received_at": "2026-05-18T07:54:59Z"}],
    "captured_in_future": [{"captured_at": "2026-05-20T12:06:00Z", "received_at": ""}],
    "older_than_retention": [{"captured_at": "2025-05-20T11:59:59Z"}],
    "camera_missing": [{"camera_id": ""}],
    "camera_not_registered": [{"camera_id": "CAM-9"}],
    "camera_not_in_force": [{"camera_id": "CAM-OLD"}, {"captured_at": "2024-12-31T23:59:59Z"}],
    "confidence_out_of_range": [{"confidence": "100.5"}, {"confidence": "-1"}],
    "field_unreadable": [
        {"confidence": "high"},
        {"confidence": "nan"},
        {"motion": "maybe"},
        {"received_at": "later"},
        {"received_at": "2026-05-18T08:00:02"},
    ],
    "id_reads_as_plate": [{"feed_id": "XY21ZZZ"}, {"source_id": "xy21 zzz"}],
    "plate_format_unknown": [{"vrm": "QQQQQQ"}],
    "age_identifier_impossible": [{"vrm": "AB76CDE"}],
}


def test_every_rule_is_kept_by_good_rows_and_broken_by_bad_ones(room, row):
    good = [row(vrm=f"AB12CD{letter}") for letter in "ABCD"]
    rows, expected = list(good), {}
    for rule, cases in BROKEN.items():
        for case in cases:
            rows.append(case if isinstance(case, str) else row(**case))
            expected.setdefault(rule, set()).add(len(rows))
    report = room.ingest(room.deliver("all.csv", *rows), max_quarantine_share=1)
    warned = {"plate_format_unknown", "age_identifier_impossible"}
    found: dict[str, set[int]] = {}
    for number, rules in room.quarantine():
        for rule in rules:
            found.setdefault(rule, set()).add(number)
    for rule in expected:
        if rule in warned:
            assert report.batches[0].rules[rule] >= len(expected[rule])
        else:
            assert expected[rule] <= found[rule], rule
    accepted = {number for (number,) in room.reads("row_no")}
    assert {1, 2, 3, 4} <= accepted
    assert not accepted & {number for number, _ in room.quarantine()}
    assert all(any(rule.startswith(warning) for rule in report.batches[0].reasons) for warning in warned)
    told = judged(room.rocu, report.batches, ()).summary()[f"batch {report.batches[0].batch_id}"]
    rejected, _, accepted_with_warning = str(told).partition("; warned of ")
    assert rejected.startswith("passed_with_quarantine: rejected ")
    assert all(rule in accepted_with_warning and rule not in rejected for rule in warned)
    assert all(rule in rejected and rule not in accepted_with_warning for rule in set(expected) - warned)


def test_position_far_from_the_register_is_rejected_and_a_near_one_taken(room, header):
    file = room.write(
        "position.csv",
        "vrm,captured_at,camera_id,latitude,longitude\n"
        "AB12CDE,2026-05-18T08:00:00Z,CAM-1,53.4005,-2.98\n"
        "AB12CDF,2026-05-18T08:00:00Z,CAM-1,53.4025,-2.98\n"
        "AB12CDG,2026-05-18T08:00:00Z,CAM-1,153.4,-2.98\n",
    )
    room.ingest(file, max_quarantine_share=1)
    assert room.reads("row_no, latitude") == [(1, 53.40)]
    assert room.quarantine() == [(2, ["position_off_register"]), (3, ["field_unreadable"])]


def test_a_row_that_breaks_several_rules_says_so_for_each_and_a_malformed_one_is_judged_for_nothing_else(room, row):
    rows = (row(), row(vrm="", camera_id="CAM-9", confidence="101"), "only,three,cells")
    room.ingest(room.deliver("one.csv", *rows), max_quarantine_share=1)
    several, malformed = room.quarantine()
    assert set(several[1]) == {"vrm_missing", "camera_not_registered", "confidence_out_of_range"}
    assert malformed == (3, ["row_malformed"])


def test_every_rule_of_the_contract_is_tried_here():
    tried = {*BROKEN, "position_off_register", "too_many_rejected"}
    rules = load_contract("reads").written_rules
    of_single_rows = {rule.name for rule in rules if rule.table in ("reads", "batches")}
    # tried in test_rules_across_rows and test_clock_changes
    assert of_single_rows - {"outside_authorised_area", "captured_at_ambiguous"} == tried


def test_limits_of_the_policy_decide(room, row):
    late = row(received_at="2026-05-18T07:54:59Z")
    room.ingest(room.deliver("late.csv", late), clock_skew_max_s=600)
    assert len(room.reads()) == 1
    old = row(captured_at="2025-05-20T11:59:59Z", received_at="")
    older = row(captured_at="2025-04-20T11:59:59Z", received_at="", vrm="AB12CDX")
    report = room.ingest(
        room.deliver("old.csv", old, older), retention_from="newest_read", retention_days=20, max_quarantine_share=0.5
    )
    assert report.batches[0].rules == {"older_than_retention": 1}


def test_verdicts(room, row):
    good = [row(vrm=f"AB12{a}{b}C") for a in "ABCDEFGHJK" for b in "AB"]
    bad = [row(vrm=f"AB13{a}AC", confidence="101") for a in "AB"]
    files = {"passed": good[:10], "some": [*good, *bad[:1]], "failed": [*good, *bad]}
    passed, some, failed = room.ingest(*(room.deliver(f"{name}.csv", *rows) for name, rows in files.items())).batches
    assert (passed.verdict, some.verdict, failed.verdict) == ("passed", "passed_with_quarantine", "failed")
    assert (some.rows, some.accepted, some.quarantined, some.duplicates) == (21, 10, 1, 10)
    assert (failed.accepted, failed.quarantined) == (0, 22)
    assert failed.reasons[0].startswith("too_many_rejected: 2 of 22 rows")
    of_failed = [rules for rules in room.quarantine("rules") if "batch_failed" in rules[0]]
    assert len(of_failed) == 22


def test_one_failed_batch_does_not_take_the_others_of_its_call_along(room, row):
    good, bad = room.deliver("good.csv", row()), room.deliver("bad.csv", row(vrm="AB12CDX", confidence="999"))
    report = room.ingest(good, bad)
    assert [batch.verdict for batch in report.batches] == ["passed", "failed"]
    assert room.reads("vehicle, row_no")[0][1] == 1
    assert len(room.reads()) == 1


def test_warnings_of_batches_that_passed_are_told_together(room, row):
    files = [room.deliver(f"{vrm}.csv", row(vrm=vrm)) for vrm in ("QQQQQQ", "QQQQQX", "AB12CDE")]
    report = room.ingest(*files)
    assert [batch.verdict for batch in report.batches] == ["passed"] * 3
    said = judged(room.rocu, report.batches, ()).summary()
    assert said["warned of in batches that passed"] == "plate_format_unknown 2"


def test_a_failed_batch_is_told_by_what_failed_it_and_of_no_row_that_was_accepted(room, row):
    bad = [row(vrm="AB12CDE", camera_id="CAM-9"), row(vrm="QQQQQQ"), row()]
    report = room.ingest(room.deliver("bad.csv", *bad), max_quarantine_share=0.1)
    said = judged(room.rocu, report.batches, ()).summary()[f"batch {report.batches[0].batch_id}"]
    assert said.startswith("failed by too_many_rejected, so no row was accepted; rows by rule: ")
    assert "camera_not_registered 1" in said
    assert "warned" not in said
