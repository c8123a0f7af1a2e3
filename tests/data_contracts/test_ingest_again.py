"""Ingest again: known files, corrections of failed batches, and duplicates between files."""

from __future__ import annotations

from datetime import date

import pytest

from data_contracts.layers.reads import (
    batches,
    find_batch,
    ingest_records,
    read_parts,
    reads_relation,
    replaced_batches,
    standing_failures,
)
from flows.steps.data import judged
from infra.errors import FaultError, RefusedError, WrongInputError

DAY = date(2026, 5, 18)


def failures(room, start=DAY, end=DAY):
    return [batch.batch_id for batch in standing_failures(room.lake, room.rocu, start, end)]


def test_known_files_change_nothing_whatever_their_names(room, row):
    file = room.deliver("one.csv", row(), row(vrm="AB12CDF"))
    first = room.ingest(file, room.write("copy.csv", file.read_bytes()))
    (batch,) = first.batches
    assert first.already_known == (batch.batch_id,)
    before = room.snapshot()
    again = room.ingest(room.write("another-name.csv", file.read_bytes()))
    assert (again.records, again.batches, again.already_known) == ((), (), (batch.batch_id,))
    assert room.snapshot() == before
    report = room.ingest(file, room.deliver("two.csv", row(vrm="AB12CDG")))
    assert report.already_known == (batch.batch_id,)
    assert judged(room.rocu, report.batches, report.already_known).summary()["known as batch"] == batch.batch_id
    assert [batch.delivered_as for batch in report.batches] == ["two.csv"]
    assert len(room.reads()) == 3


def test_duplicates_collapse_within_a_file_between_files_and_between_calls(room, row):
    def at(second, camera="CAM-1"):
        return row(captured_at=f"2026-05-18T08:00:{second:02}Z", camera_id=camera, received_at="")

    one = room.deliver("one.csv", at(10), at(15), at(15, "CAM-2"), at(30))
    two = room.deliver("two.csv", at(34), at(36, "CAM-2"))
    report = room.ingest(one, two)
    assert [(batch.accepted, batch.duplicates) for batch in report.batches] == [(3, 1), (1, 1)]
    (later,) = room.ingest(room.deliver("later.csv", at(6), at(4), at(20), at(35), at(41, "CAM-2"))).batches
    # 4 lies more than 5 s before the accepted read at 10; 6 is close to it; 35 is close to the accepted read at 30
    assert (later.rows, later.accepted, later.duplicates) == (5, 2, 3)


def test_duplicates_do_not_depend_on_how_reads_are_split(room, row):
    # each vehicle is read at seconds 0, 4 and 8: over files, and over calls
    splits = {"HHH": ("048", "", ""), "JJJ": ("04", "8", ""), "LLL": ("04", "", "8"), "WWW": ("0", "", "48")}

    def files(place):
        for ending, parts in splits.items():
            reads = [row(f"AB12{ending}", f"2026-05-18T08:00:0{second}Z") for second in parts[place]]
            if reads:
                yield room.deliver(f"{ending}{place}.csv", *reads)

    reports = [room.ingest(*files(0), *files(1)), room.ingest(*files(2))]
    found = {}
    for batch in (batch for report in reports for batch in report.batches):
        ending = batch.delivered_as[:3]
        found[ending] = found.get(ending, 0) + batch.duplicates
    assert found == dict.fromkeys(splits, 1)
    assert sorted(moment.second for (moment,) in room.reads("captured_at")) == [0] * 4 + [8] * 4


def test_a_failed_batch_stands_until_it_is_replaced(room, row):
    bad = room.deliver("bad.csv", row(confidence="999"))
    (failed,) = room.ingest(bad).batches
    assert failures(room) == [failed.batch_id]
    assert failures(room, date(2026, 5, 19), date(2026, 5, 20)) == []
    assert room.ingest(bad).already_known == (failed.batch_id,)
    worse = room.deliver("worse.csv", row(confidence="-999"))
    (second,) = room.ingest(worse, replaces=failed.batch_id).batches
    assert failures(room) == [failed.batch_id, second.batch_id]
    good = room.deliver("good.csv", row())
    (accepted,) = room.ingest(good, replaces=second.batch_id).batches
    assert (accepted.verdict, accepted.replaces) == ("passed", second.batch_id)
    assert failures(room) == []
    assert room.ingest(good, replaces=second.batch_id).already_known == (accepted.batch_id,)
    with pytest.raises(RefusedError, match="replaced by"):
        room.ingest(room.deliver("late.csv", row(vrm="AB12CDX")), replaces=second.batch_id)


def test_a_failed_attempt_stands_no_longer_than_the_batch_in_whose_place_it_was_tried(room, row):
    (failed,) = room.ingest(room.deliver("bad.csv", row(confidence="999"))).batches
    (second,) = room.ingest(room.deliver("worse.csv", row(confidence="-999")), replaces=failed.batch_id).batches
    next_day = row(captured_at="2026-05-19T08:00:00Z", received_at="", confidence="-999")
    (third,) = room.ingest(room.deliver("third.csv", next_day, row(confidence="-99")), replaces=second.batch_id).batches
    assert set(failures(room)) == {failed.batch_id, second.batch_id, third.batch_id}
    (good,) = room.ingest(room.deliver("good.csv", row()), replaces=failed.batch_id).batches
    # what was tried for another day as well is owed that day
    assert failures(room) == [third.batch_id]
    assert replaced_batches(room.lake, room.rocu) == dict.fromkeys([failed.batch_id, second.batch_id], good.batch_id)
    both = room.deliver("both.csv", row(), row(captured_at="2026-05-19T08:00:00Z", received_at=""))
    (last,) = room.ingest(both, replaces=third.batch_id).batches
    assert (last.accepted, last.duplicates) == (1, 1)
    assert failures(room) == []


def test_a_known_file_takes_no_other_place_than_the_one_that_it_was_delivered_for(room, row):
    good = room.deliver("good.csv", row())
    (known,) = room.ingest(good).batches
    (failed,) = room.ingest(room.deliver("bad.csv", row(confidence="999"))).batches
    before = room.snapshot()
    for replaces, said in ((failed, f"known as batch {known.batch_id}"), (known, "itself, and it was accepted")):
        with pytest.raises(RefusedError, match=said):
            room.ingest(good, replaces=replaces.batch_id)
    assert room.snapshot() == before
    assert failures(room) == [failed.batch_id]
    anew = room.deliver("anew.csv", row(), row(vrm="AB12CDX"))
    (batch,) = room.ingest(anew, replaces=failed.batch_id).batches
    assert (batch.accepted, batch.duplicates, failures(room)) == (1, 1, [])


def test_a_failed_batch_is_replaced_only_by_a_file_of_its_days(room, row):
    (failed,) = room.ingest(room.deliver("bad.csv", row(confidence="999"))).batches
    before = room.snapshot()
    other_day = row(captured_at="2026-05-17T08:00:00Z", received_at="")
    with pytest.raises(WrongInputError, match="no read of 2026-05-18"):
        room.ingest(room.deliver("other.csv", other_day), replaces=failed.batch_id)
    assert room.snapshot() == before
    both = [other_day, row(vrm="XY21ZZZ", confidence="999")]
    (second,) = room.ingest(room.deliver("both.csv", *both), replaces=failed.batch_id).batches
    assert second.verdict == "failed"
    # the day of the first batch is still owed
    with pytest.raises(WrongInputError, match="no read of 2026-05-18"):
        room.ingest(room.deliver("other.csv", other_day), replaces=second.batch_id)
    assert set(failures(room)) == {failed.batch_id, second.batch_id}
    room.ingest(room.deliver("good.csv", row()), replaces=second.batch_id)
    assert failures(room) == []


def test_a_failed_batch_without_any_readable_time_stands_in_the_way_of_every_day_until_any_file_replaces_it(room, row):
    (failed,) = room.ingest(room.deliver("bad.csv", row(captured_at=""))).batches
    assert failures(room, date(2020, 1, 1), date(2020, 1, 2)) == [failed.batch_id]
    room.ingest(room.deliver("good.csv", row()), replaces=failed.batch_id)
    assert failures(room) == []
    assert failures(room, date(2020, 1, 1), date(2020, 1, 2)) == []


def test_the_same_file_is_judged_again_after_the_register_was_corrected(room, row):
    file = room.deliver("new-camera.csv", row(camera_id="CAM-3"))
    (failed,) = room.ingest(file).batches
    assert failed.verdict == "failed"
    room.cameras("camera_id,latitude,longitude,valid_from\nCAM-3,53.0,-2.5,2026-01-01\n")
    (accepted,) = room.ingest(file, replaces=failed.batch_id).batches
    assert (accepted.verdict, accepted.batch_id) == ("passed", failed.batch_id)
    assert failures(room) == []
    assert [batch.verdict for _, batch in batches(room.lake, room.rocu)] == ["failed", "passed"]
    assert find_batch(room.lake, room.rocu, failed.batch_id)[1] == accepted
    assert len(room.reads()) == 1


@pytest.fixture(scope="module")
def two_days(room_again, row):
    room = room_again()
    rows = [
        row(vrm=f"AB12CD{letter}", captured_at=f"2026-05-{day}T{hour:02}:00:00Z", received_at="")
        for day in (18, 17)
        for hour in (23, 0)
        for letter in "CAB"
    ]
    room.ingest(room.deliver("days.csv", *rows))
    return room


def test_rocus_do_not_see_each_other(two_days):
    assert ingest_records(two_days.lake, "emsou") == ()
    assert read_parts(two_days.lake, "emsou", date.min, date.max) == ()
    with pytest.raises(WrongInputError, match="emsou has no batch"):
        find_batch(two_days.lake, "emsou", "abc")


def test_parts_are_sorted_and_hold_their_day_only(two_days):
    import pyarrow.parquet as pq

    parts = read_parts(two_days.lake, two_days.rocu, date(2026, 5, 17), date(2026, 5, 17))
    assert [part.date for part in parts] == [date(2026, 5, 17)]
    assert parts[0].rows == 6
    table = pq.read_table(two_days.lake.root / parts[0].path, partitioning=None).to_pylist()
    keys = [(read["vehicle"], read["captured_at"], read["batch_id"], read["row_no"]) for read in table]
    assert keys == sorted(keys)
    assert {read["captured_at"].date() for read in table} == {date(2026, 5, 17)}


def test_a_missing_part_and_a_damaged_record_are_faults(two_days, room_again):
    import duckdb

    room = room_again(two_days)
    parts = read_parts(room.lake, room.rocu, DAY, DAY)
    (room.lake.root / parts[0].path).unlink()
    with duckdb.connect() as connection, pytest.raises(FaultError, match="missing"):
        reads_relation(connection, room.lake, parts)
    next(room.lake.folder("ingests", room.rocu).glob("*.json")).write_text("{}")
    with pytest.raises(FaultError, match="damaged"):
        ingest_records(room.lake, room.rocu)


def all_files(folder):
    return [(path, path.read_bytes()) for path in folder.rglob("*") if path.is_file()]


def test_no_raw_plate_lies_anywhere_but_in_sealed_files(room, row):
    texts = ["AB12CDE", "ab12 cdf", "XY21ZZZ", "WX22 YYY"]
    rows = [row(vrm=texts[0]), row(vrm=texts[1]), row(vrm=texts[2], confidence="999"), row(feed_id=texts[3])]
    failing = room.deliver("failing.csv", row(vrm=texts[2], camera_id="WX22YYY"))
    report = room.ingest(room.deliver("AB12CDE.csv", *rows), failing, max_quarantine_share=0.5)
    assert {batch.delivered_as: batch.verdict for batch in report.batches} == {
        "(name withheld)": "passed_with_quarantine",
        "failing.csv": "failed",
    }
    for path, content in all_files(room.settings.root):
        if path.suffix == ".age":
            assert content.startswith(b"age-encryption.org/v1")
            continue
        for text in texts:
            for form in (text, text.replace(" ", ""), text.upper(), text.upper().replace(" ", ""), text.lower()):
                assert form.encode() not in content, (path, form)
                assert form not in str(path)


def test_landing_holds_the_file_sealed_and_the_vault_leads_back(room, row):
    from infra.vault import open_sealed, reveal

    file = room.deliver("one.csv", row(), row(vrm="XY21 ZZZ", confidence="101"))
    (batch,) = room.ingest(file, max_quarantine_share=1).batches
    landed = room.lake.folder("landing", room.rocu) / f"{batch.sha256}.age"
    open_sealed(room.settings, landed, room.folder / "opened.csv")
    assert (room.folder / "opened.csv").read_bytes() == file.read_bytes()
    tokens = [vehicle for (vehicle,) in [*room.reads("vehicle"), *room.quarantine("vehicle")]]
    found = reveal(room.settings, room.lake, room.rocu, {token: [batch.batch_id] for token in tokens})
    assert [found[token] for token in tokens] == ["AB12CDE", "XY21ZZZ"]
