"""Batches judged again from their sealed files: both verdicts kept, every row once, nothing in the clear."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from datetime import date, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from requalify_support import END, LATE, START, WIDE, check_conserved, failures, judge_of, requalify

from data_contracts.layers.reads import (
    batches,
    find_batch,
    ingest_records,
    read_parts,
    replaced_batches,
    standing_batches,
    standing_records,
)
from data_contracts.requalify import judge_again, records_of_days
from data_contracts.sources.model import Source
from infra.errors import RefusedError
from infra.lake import file_sha256


@pytest.fixture(scope="module")
def again(unregistered, room_again):
    """A home of which the camera that was registered late was heard; and what came of it."""
    room = room_again(unregistered)
    room.cameras(LATE)
    (done,) = requalify(room, max_quarantine_share=1)
    return room, done


def test_a_camera_registered_late_lets_its_reads_in(unregistered, again):
    (old,) = ingest_records(unregistered.lake, unregistered.rocu)
    room, done = again
    assert done.due.changed == ("camera register",)
    (batch,) = done.batches
    assert (batch.before.accepted, batch.after.accepted) == (1, 2)
    assert (batch.asked, batch.released, batch.newly_quarantined) == (3, 1, 0)
    assert dict(batch.held) == {"confidence_out_of_range": 1, "camera_not_registered": 1}
    assert done.record.supersedes == (old.ingest_id,)
    assert done.record.reason == "camera registered late"
    assert batch.after.delivered_as == "one.csv"
    # both verdicts stay, one stands
    assert [record.ingest_id for record in ingest_records(room.lake, room.rocu)] == [
        old.ingest_id,
        done.record.ingest_id,
    ]
    assert [record.ingest_id for record in standing_records(room.lake, room.rocu)] == [done.record.ingest_id]
    assert find_batch(room.lake, room.rocu, batch.after.batch_id)[1] == batch.after
    assert sorted(camera for (camera,) in room.reads("camera_id")) == ["CAM-1", "CAM-3"]
    check_conserved(room)


def test_again_changes_nothing(unregistered, again, room_again):
    assert requalify(room_again(unregistered), max_quarantine_share=1) == []
    room, _ = again
    before = room.snapshot()
    assert requalify(room, max_quarantine_share=1) == []
    assert all(not due.changed for due in records_of_days(judge_of(room, max_quarantine_share=1), START, END))
    assert room.snapshot() == before


def test_tried_only_nothing_is_written(late, again):
    before = late.snapshot()
    (tried,) = requalify(late, trial=True, max_quarantine_share=1)
    assert late.snapshot() == before
    assert tried.record is None
    assert tried.batches == again[1].batches


def test_a_file_judged_again_stays_known(unregistered, again):
    room, done = again
    assert room.ingest(unregistered.folder / "one.csv").already_known == (done.batches[0].after.batch_id,)


def test_parts_of_before_stay_as_they_were(unregistered, again):
    room, _ = again
    pinned = read_parts(unregistered.lake, unregistered.rocu, START, END)
    assert [file_sha256(room.lake.root / part.path) for part in pinned] == [part.sha256 for part in pinned]
    assert set(read_parts(room.lake, room.rocu, START, END)).isdisjoint(pinned)


def test_only_records_of_the_days_are_judged_again(late, row):
    late.ingest(late.deliver("two.csv", row(captured_at="2026-05-17T08:00:00Z", received_at="")))
    late.cameras(LATE.replace("CAM-3", "CAM-4"))
    (done,) = requalify(late, date(2026, 5, 17), date(2026, 5, 17))
    assert [batch.after.delivered_as for batch in done.batches] == ["two.csv"]
    assert len(standing_records(late.lake, late.rocu)) == 2


def test_limits_and_contract_are_named_as_what_changed(unregistered, room_again):
    room = room_again(unregistered)
    (due,) = records_of_days(judge_of(room, **WIDE), START, END)
    assert due.changed == ("limits",)
    (path,) = room.lake.folder("ingests", room.rocu).glob("*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | {"contract_version": "0.9.0"}))
    (due,) = records_of_days(judge_of(room), START, END)
    assert due.changed[0].startswith("contract 0.9.0 to ")


def test_a_failed_batch_that_passes_stands_in_the_way_no_longer_and_back(room, row):
    (batch,) = room.ingest(room.deliver("one.csv", row(), row(vrm="XY21ZZZ", camera_id="CAM-3"))).batches
    assert failures(room) == [batch.batch_id]
    requalify(room, max_quarantine_share=0.6)
    assert failures(room) == []
    assert len(room.reads()) == 1
    requalify(room)
    assert failures(room) == [batch.batch_id]
    assert room.reads() == []
    assert [one.verdict for _, one in batches(room.lake, room.rocu)] == ["failed", "passed_with_quarantine", "failed"]
    check_conserved(room)


def test_a_chain_of_replacements_holds_whichever_of_them_is_judged_again(room, row):
    bad = row(captured_at="2026-05-18T09:00:00Z", camera_id="CAM-3", received_at="")
    (first,) = room.ingest(room.deliver("1.csv", bad)).batches
    (second,) = room.ingest(room.deliver("2.csv", row(confidence="998")), replaces=first.batch_id).batches
    (third,) = room.ingest(room.deliver("3.csv", row()), replaces=second.batch_id).batches
    room.cameras(LATE)
    done = [one.batches[0].after for one in requalify(room)]
    # the first would pass now: it does not come back beside its replacement
    assert [batch.verdict for batch in done] == ["failed", "failed", "passed"]
    assert third.batch_id in done[0].reasons[0]
    assert [batch.replaces for batch in done] == [None, first.batch_id, second.batch_id]
    assert replaced_batches(room.lake, room.rocu) == dict.fromkeys((first.batch_id, second.batch_id), third.batch_id)
    assert failures(room) == []
    assert room.reads("camera_id") == [("CAM-1",)]
    check_conserved(room)
    # and when the last of them alone fails now, all of its line stand in the way again
    judge = judge_of(room, retention_days=1)
    last = records_of_days(judge, START, END)[-1:]
    assert len(list(judge_again(judge, last, "older", lambda _: None, lambda _: None))) == 1
    assert failures(room) == [first.batch_id, second.batch_id, third.batch_id]
    check_conserved(room)


def test_a_file_delivered_again_is_judged_again_once(room, row):
    file = room.deliver("one.csv", row(camera_id="CAM-3"))
    other = room.deliver("two.csv", row(vrm="XY21ZZZ"))
    failed = room.ingest(file, other).batches[0]
    room.cameras(LATE)
    room.ingest(file, replaces=failed.batch_id)
    requalify(room, max_quarantine_share=0.2)
    standing = standing_batches(room.lake, room.rocu)
    assert sorted(batch.delivered_as for _, batch in standing) == ["one.csv", "two.csv"]
    assert {batch.verdict for _, batch in standing} == {"passed"}
    assert len(room.reads()) == 2
    check_conserved(room)


def test_duplicates_are_found_again_over_all_that_stands(room, row):
    def at(second, camera="CAM-1"):
        return row(captured_at=f"2026-05-18T08:00:{second:02}Z", camera_id=camera, received_at="")

    room.ingest(room.deliver("one.csv", at(10), at(10, "CAM-3")), **WIDE)
    room.ingest(room.deliver("two.csv", at(12), at(30), at(12, "CAM-3")), **WIDE)
    room.cameras(LATE)
    requalify(room, **WIDE)
    counted = {
        batch.delivered_as: (batch.accepted, batch.duplicates) for _, batch in standing_batches(room.lake, room.rocu)
    }
    assert counted == {"one.csv": (2, 0), "two.csv": (1, 2)}
    check_conserved(room)


def test_a_duplicate_of_a_read_that_is_taken_back_is_not_lost(room, row):
    """Only the first file is asked about; the duplicate in the second has lost the read that it was one of."""
    room.ingest(room.deliver("one.csv", row(captured_at="2026-05-18T08:00:00Z")), max_quarantine_share=1)
    room.ingest(room.deliver("two.csv", row(captured_at="2026-05-18T08:00:03Z")), max_quarantine_share=1)
    assert [batch.duplicates for _, batch in batches(room.lake, room.rocu)] == [0, 1]
    gap = "CAM-1,53.4,-2.98,2025-01-01,2026-05-18T07:59:59Z\nCAM-1,53.4,-2.98,2026-05-18T08:00:02Z,\n"
    room.cameras(f"camera_id,latitude,longitude,valid_from,valid_to\n{gap}")
    judge = judge_of(room, max_quarantine_share=1)
    first = records_of_days(judge, START, END)[:1]
    done = list(judge_again(judge, first, "gap", lambda _: None, lambda _: None))
    assert [one.batches[0].after.delivered_as for one in done] == ["one.csv", "two.csv"]
    assert [moment.second for (moment,) in room.reads("captured_at")] == [3]
    check_conserved(room)
    assert requalify(room, max_quarantine_share=1) == []


def test_a_read_from_the_future_of_its_delivery_is_not_let_in_by_waiting(room, row):
    late = row(captured_at="2026-05-25T08:00:00Z", received_at="")
    room.ingest(room.deliver("one.csv", row(), late), **WIDE)
    room.cameras(LATE)
    later = replace(room, now=room.now + timedelta(days=30))
    (done,) = requalify(later, **WIDE)
    assert dict(done.batches[0].held) == {"captured_in_future": 1}
    later.cameras(LATE.replace("CAM-3", "CAM-4"))
    (done,) = requalify(later, **WIDE)
    assert dict(done.batches[0].held) == {"captured_in_future": 1}


def test_files_are_read_as_they_were_whatever_their_source_and_form(room):
    source = Source(name="county", columns={"vrm": "plate", "camera_id": "cam", "captured_at": "when"}, zone="UTC")
    source = source.model_copy(update={"delimiter": ";"})
    text = "plate;cam;when\n{0};CAM-1;2026-05-18T08:00:00\n{0};CAM-3;2026-05-18T08:00:00\n"
    table = {"plate": ["AB12CDG"] * 2, "cam": ["CAM-1", "CAM-3"], "when": ["2026-05-18T08:00:00"] * 2}
    pq.write_table(pa.table(table), room.folder / "county.parquet")
    files = [
        room.write("county.csv", text.format("AB12CDE")),
        room.write("county.csv.gz", gzip.compress(text.format("AB12CDF").encode())),
        room.folder / "county.parquet",
    ]
    room.ingest(*files, source=source, **WIDE)
    room.cameras(LATE)
    (done,) = requalify(room, **WIDE)
    assert [batch.after.accepted for batch in done.batches] == [2, 2, 2]


def test_an_older_record_is_read_by_the_built_in_source_that_it_names_or_not_at_all(late):
    (path,) = late.lake.folder("ingests", late.rocu).glob("*.json")
    said = json.loads(path.read_text())
    del said["source_said"], said["supersedes"], said["reason"]
    path.write_text(json.dumps(said))
    (tried,) = requalify(late, trial=True, max_quarantine_share=1)
    assert tried.batches[0].after.accepted == 2
    said["batches"][0]["source"] = "county"
    path.write_text(json.dumps(said))
    with pytest.raises(RefusedError, match="does not say how its files are to be read"):
        requalify(late, max_quarantine_share=1)
