"""Findings: checked row by row, tokenised like reads, loaded once."""

from __future__ import annotations

from datetime import date, datetime

import duckdb
import pytest

from data_contracts.contract.document import load_contract
from data_contracts.dispositions import disposition_parts, disposition_records, load_dispositions
from data_contracts.judgement.limits import IngestLimits
from data_contracts.sources.model import Source, load_source
from infra.errors import WrongInputError
from infra.pseudonyms import load_pseudonymiser
from infra.vault import reveal

HEAD = "vrm,window_end,finding,decided_at,decided_by,selected_by\n"
GOOD = "AB12CDE,2026-05-10,confirmed,2026-05-12T09:00:00Z,analyst-1,ranked"

BROKEN = {
    "row_malformed": ["AB12CDE,2026-05-10"],
    "vrm_missing": [",2026-05-10,confirmed,2026-05-12T09:00:00Z,,"],
    "vrm_unreadable": ["A?!,2026-05-10,confirmed,2026-05-12T09:00:00Z,,"],
    "window_end_missing": ["AB12CDE,,confirmed,2026-05-12T09:00:00Z,,"],
    "window_end_unreadable": ["AB12CDE,10/05/2026,confirmed,2026-05-12T09:00:00Z,,"],
    "finding_missing": ["AB12CDE,2026-05-10,,2026-05-12T09:00:00Z,,"],
    "finding_unknown": ["AB12CDE,2026-05-10,guilty,2026-05-12T09:00:00Z,,"],
    "decided_at_missing": ["AB12CDE,2026-05-10,confirmed,,,"],
    "decided_at_unreadable": ["AB12CDE,2026-05-10,confirmed,soon,,"],
    "decided_at_without_zone": ["AB12CDE,2026-05-10,confirmed,2026-05-12T09:00:00,,"],
    "decided_in_future": ["AB12CDE,2026-05-10,confirmed,2026-05-21T09:00:00Z,,"],
    "decided_before_window_end": ["AB12CDE,2026-05-10,confirmed,2026-05-09T23:00:00Z,,"],
    "older_than_retention": ["AB12CDE,2025-05-10,confirmed,2026-05-09T23:00:00Z,,"],
    "selected_by_unknown": ["AB12CDE,2026-05-10,confirmed,2026-05-12T09:00:00Z,,dice"],
    "id_reads_as_plate": ["AB12CDE,2026-05-10,confirmed,2026-05-12T09:00:00Z,XY21 ZZZ,"],
}


def load(room, text, source="canonical", name="findings.csv", **limits):
    how = load_source(source) if isinstance(source, str) else source
    file = room.write(name, text)
    return load_dispositions(room.settings, room.lake, room.rocu, [file], how, IngestLimits(**limits), room.now)


def accepted(room, columns="vehicle, window_end, finding, decided_at, decided_by, selected_by"):
    with duckdb.connect() as connection:
        paths = [str(room.lake.root / part.path) for part in disposition_parts(room.lake, room.rocu)]
        query = f"SELECT {columns} FROM read_parquet(?) ORDER BY batch_id, row_no"
        return connection.execute(query, [paths]).fetchall() if paths else []


def test_a_finding_refers_to_the_token_that_its_reads_have(room, row):
    room.ingest(room.deliver("reads.csv", row(vrm="AB12 CDE")))
    load(room, HEAD + GOOD + "\n")
    ((vehicle,),) = room.reads("vehicle")
    assert accepted(room) == [
        (vehicle, date(2026, 5, 10), "confirmed", datetime.fromisoformat("2026-05-12 09:00:00"), "analyst-1", "ranked")
    ]


def test_every_rule_sets_its_rows_apart(bare_room):
    lines, expected = [GOOD], {}
    for rule, cases in BROKEN.items():
        for case in cases:
            lines.append(case)
            expected[len(lines)] = rule
    (record,) = load(bare_room, HEAD + "\n".join(lines) + "\n", max_quarantine_share=1).records
    assert (record.batch.rows, record.batch.accepted, record.batch.quarantined) == (len(lines), 1, len(lines) - 1)
    (part,) = [part for part in record.parts if part.layer == "quarantine"]
    with duckdb.connect() as connection:
        found = dict(
            connection.execute(
                "SELECT row_no, rules FROM read_parquet(?)", [str(bare_room.lake.root / part.path)]
            ).fetchall()
        )
    assert {number: rule in found[number] for number, rule in expected.items()} == dict.fromkeys(expected, True)
    assert {rule.name for rule in load_contract("dispositions").written_rules} == {*BROKEN, "too_many_rejected"}


def test_a_file_with_too_many_bad_rows_fails_and_may_come_again(bare_room):
    bad = HEAD + GOOD + "\n,,,,,\n"
    (record,) = load(bare_room, bad).records
    assert (record.batch.verdict, record.batch.accepted, record.batch.quarantined) == ("failed", 0, 2)
    assert accepted(bare_room) == []
    (again,) = load(bare_room, bad, max_quarantine_share=0.5).records
    assert (again.batch.verdict, again.batch.accepted) == ("passed_with_quarantine", 1)


def test_loading_again_changes_nothing_and_a_finding_is_kept_once(bare_room):
    (first,) = load(bare_room, HEAD + GOOD + "\n" + GOOD + "\n").records
    assert (first.batch.rows, first.batch.accepted, first.batch.duplicates) == (2, 1, 1)
    before = bare_room.snapshot()
    assert load(bare_room, HEAD + GOOD + "\n" + GOOD + "\n", name="other.csv").already_known == (first.batch.batch_id,)
    assert bare_room.snapshot() == before
    other = GOOD.replace("confirmed", "eliminated")
    (second,) = load(bare_room, HEAD + GOOD + "\n" + other + "\n").records
    assert (second.batch.accepted, second.batch.duplicates) == (1, 1)
    assert [finding for (finding,) in accepted(bare_room, "finding")].count("confirmed") == 1


def test_times_without_a_zone_need_one_declared(bare_room):
    text = "ticket,window_end,finding,decided_at\n2015-12/a,2026-05-10,eliminated,2026-05-12T09:00:00\n"
    opaque = {"columns": {"vrm": "ticket"}, "plate_scheme": "opaque"}
    with pytest.raises(WrongInputError, match="in which zone"):
        load(bare_room, text, Source(name="tickets", **opaque))
    assert bare_room.snapshot() == {}
    load(bare_room, text, Source(name="tickets", zone="UTC", **opaque))
    token = load_pseudonymiser(bare_room.settings, bare_room.rocu).token("2015-12/a")
    assert accepted(bare_room, "vehicle, decided_at") == [(token, datetime.fromisoformat("2026-05-12 09:00:00"))]


def test_files_that_hold_no_findings(bare_room):
    with pytest.raises(WrongInputError, match="lacks the columns finding, decided_at"):
        load(bare_room, "vrm,window_end\nAB12CDE,2026-05-10\n")
    with pytest.raises(WrongInputError, match="BOF2 has no findings"):
        load(bare_room, HEAD + GOOD, "bof2")


def test_no_raw_plate_is_left(bare_room):
    load(bare_room, HEAD + GOOD + "\nXY21ZZZ,,,,,\n", max_quarantine_share=1)
    for path in bare_room.settings.root.rglob("*"):
        if path.is_file() and path.suffix != ".age":
            assert b"AB12CDE" not in path.read_bytes()
            assert b"XY21ZZZ" not in path.read_bytes()


PAIR_HEAD = "vrm,other_vrm,window_end,finding,decided_at,decided_by,selected_by\n"


def pair_row(vrm, other, finding="confirmed"):
    return f"{vrm},{other},2026-05-10,{finding},2026-05-12T09:00:00Z,analyst-1,ranked\n"


def test_a_finding_about_two_vehicles_has_both_tokens_in_order_and_both_plates_in_the_vault(room):
    load(room, PAIR_HEAD + pair_row("AB12CDE", "XY21ZZZ") + pair_row("XY21 ZZZ", "AB12 CDE") + pair_row("AB12CDE", ""))
    assert report_of(room).rules == {}
    make = load_pseudonymiser(room.settings, room.rocu)
    one, other = sorted((make.token("AB12CDE"), make.token("XY21ZZZ")))
    assert accepted(room, "vehicle") == [(f"{one}+{other}",), (make.token("AB12CDE"),)]
    assert report_of(room).duplicates == 1
    (batch,) = {batch for (batch,) in accepted(room, "batch_id")}
    assert reveal(room.settings, room.lake, room.rocu, {one: [batch], other: [batch]}).keys() == {one, other}


@pytest.mark.parametrize("other", ["A?!", "AB12 CDE", "NOPLATE"])
def test_the_other_vehicle_must_be_readable_and_another_one(room, other):
    report = load(room, PAIR_HEAD + pair_row("AB12CDE", other), max_quarantine_share=1)
    assert report.records[0].batch.rules == {"vrm_unreadable": 1}
    assert accepted(room) == []


def report_of(room):
    (record,) = disposition_records(room.lake, room.rocu)
    return record.batch
