"""Reading the notes beside reads: counts, examples, those about one vehicle; parts from before a column was written."""

from __future__ import annotations

from dataclasses import astuple
from datetime import date

import duckdb
import pytest
from across_rows_support import ingested, line

from data_contracts.layers.history import judgements, of_batch
from data_contracts.layers.noted import cause_in_words, confusion_in_words, count_notes, example_notes, notes_about
from data_contracts.layers.reads import layer_parts, layer_parts_of_days
from infra.errors import FaultError

DAY = date(2026, 5, 18)
FILES = {
    "misread": [
        line("LV12ABC", "08:00:00", confidence="95"),
        line("LU12ABC", "08:01:00", confidence="70"),
        *(line("LV12ABC", f"{hour}:30:00") for hour in ("09", "10", "11")),
    ],
    "repair": [line("JW12HJ5", "12:00:00"), line("JW12HJ5", "12:30:00"), line("ABI28JW", "13:00:00")],
    "plain": [line("HJ12HJL", "14:00:00")],
}
PLATES = {file.partition(",")[0] for lines in FILES.values() for file in lines} | {"JW12HJS", "AB12BJW"}


@pytest.fixture(scope="module")
def judged(room_again):
    return ingested(room_again(), FILES)


def of(judged, name):
    room = judged.room
    return of_batch(judgements(room.lake, room.rocu), room.rocu, judged[name].batch_id)


def counted(judged, name):
    return {(one.rule, one.cause): one for one in count_notes(judged.room.lake, of(judged, name))}


def test_notes_are_counted_by_rule_and_cause_with_their_confusions(judged):
    (found,) = counted(judged, "misread").values()
    assert astuple(found) == ("misread_pair", "read_more_often+higher_confidence", 1, 1, (("U/V", 1),))
    repairs = counted(judged, "repair")["plate_format_unknown", "repair"]
    assert repairs.reads == 3
    assert repairs.notes >= 3
    assert repairs.confusions[0] == ("5/S", 2)
    assert count_notes(judged.room.lake, of(judged, "plain")) == ()
    together = [one for name in FILES for one in of(judged, name)]
    assert {one.rule: one.reads for one in count_notes(judged.room.lake, together)} == {
        "misread_pair": 1, "plate_format_unknown": 3,
    }  # fmt: skip


def test_examples_are_the_surest_of_each_as_tokens_with_a_reason(judged):
    (misread,) = example_notes(judged.room.lake, of(judged, "misread"))
    assert (misread.vehicle, misread.other_vehicle) == (judged.token("LU12ABC"), judged.token("LV12ABC"))
    assert misread.reason == ("the other is read more often, the other was read with more confidence; U read for V")
    assert (misread.measured, misread.other_batch_id, misread.other_row_no) == ("60 s apart", misread.batch_id, 1)
    repairs = example_notes(judged.room.lake, of(judged, "repair"), most=2)
    assert [(one.row_no, one.other_vehicle) for one in repairs] == [(n, judged.token("JW12HJS")) for n in (1, 2)]
    assert repairs[0].reason == "a known plate is one confusion away; 5 read for S"
    said = str((misread, repairs))
    assert [plate for plate in PLATES if plate in said] == []


def test_of_one_vehicle_there_are_notes_about_it_and_about_others_that_may_be_it(judged):
    room = judged.room
    parts = layer_parts_of_days(room.lake, room.rocu, "notes", DAY, DAY)
    assert parts == layer_parts(room.lake, room.rocu, "notes")
    with duckdb.connect() as connection:
        misread, meant = (
            notes_about(connection, room.lake, parts, judged.token(vrm), DAY, DAY) for vrm in ("LU12ABC", "LV12ABC")
        )
        assert misread == meant
        assert [one.row_no for one in misread] == [2]
        assert notes_about(connection, room.lake, parts, judged.token("LU12ABC"), date(2026, 5, 19), DAY) == ()
        assert notes_about(connection, room.lake, parts, judged.token("HJ12HJL"), DAY, DAY) == ()
        assert notes_about(connection, room.lake, (), judged.token("LU12ABC"), DAY, DAY) == ()
    assert layer_parts_of_days(room.lake, room.rocu, "notes", date(2026, 5, 19), date(2026, 5, 20)) == ()


@pytest.fixture
def older(judged, room_again):
    """The same home, with its notes as they were written before the column `confusion`."""
    room = room_again(judged.room)
    (part,) = layer_parts(room.lake, room.rocu, "notes")
    path = room.lake.root / part.path
    with duckdb.connect() as connection:
        connection.execute(f"CREATE TABLE n AS SELECT * EXCLUDE (confusion) FROM read_parquet('{path}')")
        connection.execute(f"COPY n TO '{path}' (FORMAT parquet)")
    return type(judged)(room, judged.batches)


def test_notes_from_before_confusions_were_kept_are_read_without(older, judged):
    (found,) = counted(older, "misread").values()
    assert (found.reads, found.confusions) == (1, ())
    (misread,) = example_notes(older.room.lake, of(older, "misread"))
    assert misread.confusion is None
    assert misread.reason == "the other is read more often, the other was read with more confidence"
    # beside a part of today
    ingested(older.room, {"later": [line("JW12HW5", "20:00:00")]})
    room = older.room
    with duckdb.connect() as connection:
        parts = layer_parts(room.lake, room.rocu, "notes")
        assert len(parts) == 2
        for vrm, confusion in (("LU12ABC", None), ("JW12HW5", "5/S")):
            (note,) = notes_about(connection, room.lake, parts, judged.token(vrm), DAY, DAY)
            assert note.confusion == confusion


def test_a_missing_part_is_a_fault_that_says_what_to_do(judged, room_again):
    room = room_again(judged.room)
    (part,) = layer_parts(room.lake, room.rocu, "notes")
    (room.lake.root / part.path).unlink()
    lost = of(type(judged)(room, judged.batches), "misread")
    for read in (count_notes, example_notes):
        with pytest.raises(FaultError, match="part of the notes layer that a record names is missing"):
            read(room.lake, lost)
    with duckdb.connect() as connection, pytest.raises(FaultError, match="1 parts of the notes layer are missing"):
        notes_about(connection, room.lake, (part,), judged.token("LU12ABC"), DAY, DAY)


def test_a_cause_is_told_in_words():
    assert cause_in_words("camera_clock") == "the camera's clock"
    assert cause_in_words("of_another_day") == "of another day"
    assert confusion_in_words("8/B+I/1") == "8 read for B, I read for 1"
