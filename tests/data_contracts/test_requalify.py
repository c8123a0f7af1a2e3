"""Batches judged again from their sealed files: both verdicts kept, every row once, nothing in the clear."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta

import pytest
from requalify_support import END, LATE, START, WIDE, check_conserved, failures, judge_of, requalify

from data_contracts.reads import (
    batches,
    find_batch,
    ingest_records,
    replaced_batches,
    standing_batches,
    standing_records,
)
from data_contracts.requalify import judge_again, records_of_days
from data_contracts.sources.model import Source
from infra.errors import RefusedError


def test_a_camera_registered_late_lets_its_reads_in(room, row):
    file = room.deliver("one.csv", row(), row(vrm="AB12CDF", camera_id="CAM-3"), row(vrm="AB12CDG", confidence="101"))
    room.ingest(file, max_quarantine_share=1)
    (old,) = ingest_records(room.lake, room.rocu)
    room.cameras(LATE)
    (done,) = requalify(room, max_quarantine_share=1)
    assert done.due.changed == ("camera register",)
    (batch,) = done.batches
    assert (batch.before.accepted, batch.after.accepted) == (1, 2)
    assert (batch.asked, batch.released, batch.newly_quarantined) == (2, 1, 0)
    assert dict(batch.held) == {"confidence_out_of_range": 1}
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


def test_again_changes_nothing(room, row):
    room.ingest(room.deliver("one.csv", row(), row(camera_id="CAM-3")), **WIDE)
    room.ingest(room.deliver("two.csv", row(vrm="XY21ZZZ")), **WIDE)
    assert requalify(room, **WIDE) == []
    room.cameras(LATE)
    assert len(requalify(room, **WIDE)) == 2
    before = room.snapshot()
    assert requalify(room, **WIDE) == []
    assert all(not due.changed for due in records_of_days(judge_of(room, **WIDE), START, END))
    assert room.snapshot() == before


def test_tried_only_nothing_is_written(room, row):
    room.ingest(room.deliver("one.csv", row(), row(camera_id="CAM-3")), **WIDE)
    room.cameras(LATE)
    before = room.snapshot()
    (tried,) = requalify(room, trial=True, **WIDE)
    assert room.snapshot() == before
    (done,) = requalify(room, **WIDE)
    assert tried.record is None
    assert tried.batches == done.batches


def test_only_records_of_the_days_are_judged_again(room, row):
    room.ingest(room.deliver("one.csv", row(captured_at="2026-05-17T08:00:00Z", received_at="")))
    room.ingest(room.deliver("two.csv", row()))
    room.cameras(LATE)
    (done,) = requalify(room, date(2026, 5, 18), date(2026, 5, 18))
    assert [batch.after.delivered_as for batch in done.batches] == ["two.csv"]
    assert len(standing_records(room.lake, room.rocu)) == 2


def test_limits_and_contract_are_named_as_what_changed(room, row):
    room.ingest(room.deliver("one.csv", row()))
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


def test_a_file_judged_again_stays_known(room, row):
    file = room.deliver("one.csv", row(), row(camera_id="CAM-3"))
    (batch,) = room.ingest(file, **WIDE).batches
    room.cameras(LATE)
    requalify(room, **WIDE)
    assert room.ingest(file, **WIDE).already_known == (batch.batch_id,)


def test_a_replaced_batch_does_not_come_back_beside_its_replacement(room, row):
    bad = row(captured_at="2026-05-18T09:00:00Z", camera_id="CAM-3", received_at="")
    (failed,) = room.ingest(room.deliver("bad.csv", bad)).batches
    (good,) = room.ingest(room.deliver("good.csv", row()), replaces=failed.batch_id).batches
    room.cameras(LATE)
    first, second = requalify(room)
    assert first.batches[0].after.verdict == "failed"
    assert good.batch_id in first.batches[0].after.reasons[0]
    assert second.batches[0].after.replaces == failed.batch_id
    assert replaced_batches(room.lake, room.rocu) == {failed.batch_id: good.batch_id}
    assert failures(room) == []
    assert room.reads("camera_id") == [("CAM-1",)]
    check_conserved(room)


def test_a_chain_of_replacements_holds_whichever_of_them_is_judged_again(room, row):
    (first,) = room.ingest(room.deliver("1.csv", row(confidence="999"))).batches
    (second,) = room.ingest(room.deliver("2.csv", row(confidence="998")), replaces=first.batch_id).batches
    (third,) = room.ingest(room.deliver("3.csv", row()), replaces=second.batch_id).batches
    room.cameras(LATE)
    assert len(requalify(room)) == 3
    assert failures(room) == []
    # and when the last of them fails now, all of its line stand in the way again
    requalify(room, retention_days=1)
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


def test_what_became_too_old_meanwhile_is_set_apart(room, row):
    room.ingest(room.deliver("one.csv", row()))
    room.cameras(LATE)
    later = replace(room, now=room.now + timedelta(days=400))
    (done,) = requalify(later, max_quarantine_share=1)
    assert done.batches[0].newly_quarantined == 1
    assert dict(done.batches[0].after.rules) == {"older_than_retention": 1}


@pytest.mark.parametrize("packed", [False, True])
def test_files_of_other_sources_are_read_as_they_were(room, packed):
    import gzip

    source = Source(name="county", columns={"vrm": "plate", "camera_id": "cam", "captured_at": "when"}, zone="UTC")
    text = b"plate;cam;when\nAB12CDE;CAM-1;2026-05-18T08:00:00\nXY21ZZZ;CAM-3;2026-05-18T08:00:00\n"
    source = source.model_copy(update={"delimiter": ";"})
    file = room.write("county.csv", gzip.compress(text) if packed else text)
    room.ingest(file, source=source, **WIDE)
    room.cameras(LATE)
    (done,) = requalify(room, **WIDE)
    assert done.batches[0].after.accepted == 2


def test_parquet_is_judged_again(room):
    import pyarrow as pa
    import pyarrow.parquet as pq

    file = room.folder / "reads.parquet"
    table = {
        "vrm": ["AB12CDE", "XY21ZZZ"],
        "captured_at": ["2026-05-18T08:00:00Z"] * 2,
        "camera_id": ["CAM-1", "CAM-3"],
    }
    pq.write_table(pa.table(table), file)
    room.ingest(file, **WIDE)
    room.cameras(LATE)
    (done,) = requalify(room, **WIDE)
    assert done.batches[0].after.accepted == 2


def test_an_older_record_is_read_by_the_built_in_source_that_it_names_or_not_at_all(room, row):
    room.ingest(room.deliver("one.csv", row(), row(camera_id="CAM-3")), **WIDE)
    (path,) = room.lake.folder("ingests", room.rocu).glob("*.json")
    said = json.loads(path.read_text())
    del said["source_said"], said["supersedes"], said["reason"]
    path.write_text(json.dumps(said))
    room.cameras(LATE)
    (tried,) = requalify(room, trial=True, **WIDE)
    assert tried.batches[0].after.accepted == 2
    said["batches"][0]["source"] = "county"
    path.write_text(json.dumps(said))
    with pytest.raises(RefusedError, match="does not say how its files are to be read"):
        requalify(room, **WIDE)
