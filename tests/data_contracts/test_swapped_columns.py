"""Files whose columns of camera and VRM are swapped say so; stray dates do not spread a batch over decades."""

from __future__ import annotations

from datetime import date

from data_contracts.layers.reads import touches

OLD, NEW = "1995-01-0{}T08:00:00Z", "2026-05-1{}T08:00:00Z"


def test_swapped_columns_are_named_with_what_to_do(room, row):
    rows = [row(vrm="CAM-1", camera_id=f"AB12CD{letter}", received_at="") for letter in "EFGHJKLM"]
    (batch,) = room.ingest(room.deliver("swapped.csv", *rows, row())).batches
    assert batch.verdict == "failed"
    assert batch.reasons[0].startswith("columns_look_swapped: the camera of 8 of 9 rows is not in the register")
    assert "--source" in batch.reasons[0]


def test_unknown_cameras_alone_are_no_swap(room, row):
    rows = [row(vrm=f"AB12CD{letter}", camera_id="CAM-7", received_at="") for letter in "EFGHJKLM"]
    (batch,) = room.ingest(room.deliver("one.csv", *rows)).batches
    assert batch.verdict == "failed"
    assert "swapped" not in str(batch.reasons)


def test_rows_of_decades_back_are_no_days_of_their_batch(room, row):
    rows = [row(captured_at=NEW.format(8)), row(vrm="XY21ZZZ", captured_at=OLD.format(1), received_at="")]
    (batch,) = room.ingest(room.deliver("one.csv", *rows)).batches
    assert (batch.verdict, batch.dates) == ("failed", (date(2026, 5, 18),))
    assert not touches(batch, date(2010, 1, 1), date(2010, 12, 31))


def test_a_batch_of_nothing_but_old_rows_keeps_its_days(room, row):
    (batch,) = room.ingest(room.deliver("one.csv", row(captured_at=OLD.format(1), received_at=""))).batches
    assert batch.dates == (date(1995, 1, 1),)
