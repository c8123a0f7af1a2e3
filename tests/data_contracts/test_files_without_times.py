"""Files in which no time can be read: refused like those without a zone, with what to say in the source."""

from __future__ import annotations

import re
from datetime import datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data_contracts.judgement.limits import IngestLimits
from data_contracts.layers.reads import standing_failures
from data_contracts.sources.model import Source
from infra.errors import WrongInputError

HOW = {"time_format": "%d/%m/%Y %H:%M:%S", "zone": "Europe/London"}


def test_a_file_of_unreadable_times_is_refused_and_nothing_kept(room, row):
    file = room.deliver("local.csv", *(row(captured_at=f"18/05/2026 0{hour}:00:00", received_at="") for hour in "789"))
    before = room.snapshot()
    with pytest.raises(WrongInputError, match="time_format"):
        room.ingest(file)
    assert room.snapshot() == before
    (batch,) = room.ingest(file, source=Source(name="local", **HOW)).batches
    assert batch.accepted == 3


@pytest.mark.parametrize(
    ("time_format", "texts"),
    [
        ("epoch", ("1779091200", "1779091200.25", "2026-05-18T08:00:00Z")),
        ("epoch_ms", ("1779091200000", "1779091200000.0", "2026-05-18T08:00:00Z")),
    ],
)
@pytest.mark.parametrize("zone", [None, "Europe/London"])
def test_seconds_since_1970_are_read_where_the_source_says_so(room, row, time_format, texts, zone):
    other = "1779091200000" if time_format == "epoch" else "1779091200"
    lines = [
        row(vrm=f"AB12CD{letter}", captured_at=text, received_at=text)
        for letter, text in zip("ABC", texts, strict=True)
    ]
    file = room.deliver("epoch.csv", *lines, row(captured_at=other, received_at=""))
    with pytest.raises(WrongInputError, match="time_format: epoch"):
        room.ingest(room.deliver("alone.csv", row(captured_at=texts[0], received_at="")))
    (batch,) = room.ingest(
        file, source=Source(name="s", time_format=time_format, zone=zone), max_quarantine_share=1
    ).batches
    assert (batch.accepted, batch.rules) == (3, {"captured_at_unreadable": 1})
    assert {str(at)[:19] for (at,) in room.reads("captured_at")} == {"2026-05-18 08:00:00"}


@pytest.mark.parametrize(
    ("time_format", "written", "other"),
    [
        ("%d/%m/%Y %H:%M:%S", "18/05/2026 09:00:00", "2026-05-18 09:00:00"),
        ("%Y-%d-%m %H:%M", "2026-18-05 09:00", "2026-05-18 09:00"),
        ("%m/%d/%Y %H:%M", "05/18/2026 09:00", "18/05/2026 09:00"),
    ],
)
def test_where_the_source_has_a_format_day_and_month_are_read_in_no_other_order(room, row, time_format, written, other):
    source = Source(name="own", time_format=time_format, zone="Europe/London")
    texts = (written, other, "2026-05-18T09:00:00", "2026-05-18T08:00:00Z")
    rows = [row(vrm=f"AB12CD{chr(65 + at)}", captured_at=text, received_at="") for at, text in enumerate(texts)]
    (batch,) = room.ingest(room.deliver("mixed.csv", *rows), source=source, max_quarantine_share=1).batches
    assert (batch.accepted, batch.rules) == (3, {"captured_at_unreadable": 1})
    assert {str(at)[:19] for (at,) in room.reads("captured_at")} == {"2026-05-18 08:00:00"}
    alone = room.deliver("alone.csv", row(vrm="AB12CDX", captured_at=other, received_at=""))
    with pytest.raises(WrongInputError, match=f"written .{re.escape(time_format)}"):
        room.ingest(alone, source=source)


def test_times_of_parquet_are_no_text_and_need_no_format(room):
    file = room.folder / "typed.parquet"
    at = [datetime(2026, 5, 18, 9, 0)]  # noqa: DTZ001
    pq.write_table(pa.table({"vrm": ["AB12CDE"], "captured_at": at, "camera_id": ["CAM-1"]}), file)
    source = Source(name="own", time_format="%d/%m/%Y %H:%M", zone="Europe/London")
    assert room.ingest(file, source=source).batches[0].accepted == 1
    assert str(room.reads("captured_at")[0][0]) == "2026-05-18 08:00:00"


@pytest.mark.parametrize(
    ("delimiter", "said"),
    [(";", "semicolons: write `delimiter: ';'`"), ("\t", 'tabs: write `delimiter: "\\t"`'), ("|", "bars")],
)
def test_another_delimiter_is_named_with_what_to_declare(room, row, header, delimiter, said):
    text = "\n".join([header, row(), row(vrm="AB12CDF")]).replace(",", delimiter) + "\n"
    with pytest.raises(WrongInputError) as caught:
        room.ingest(room.write("other.csv", text))
    assert said in caught.value.instruction
    source = room.write("other.yaml", f'name: other\ndelimiter: "{delimiter}"\n'.replace("\t", "\\t"))
    assert room.ingest(room.folder / "other.csv", source=str(source)).batches[0].accepted == 2


def test_a_file_without_a_header_line_is_told_as_such(room, row):
    with pytest.raises(WrongInputError, match="lacks the columns") as caught:
        room.ingest(room.write("bare.csv", f"{row()}\n{row(vrm='AB12CDF')}\n"))
    assert "first line seems to be a row" in caught.value.instruction
    assert "AB12" not in str(caught.value)


def test_single_times_that_cannot_be_read_cost_their_rows(room, row):
    file = room.deliver("some.csv", row(), row(vrm="AB12CDX", captured_at="18/05/2026 07:00:00"))
    (batch,) = room.ingest(file, max_quarantine_share=1).batches
    assert (batch.accepted, batch.rules) == (1, {"captured_at_unreadable": 1})


def test_a_file_without_any_time_is_judged(room, row):
    (batch,) = room.ingest(room.deliver("none.csv", row(captured_at=""))).batches
    assert (batch.verdict, batch.rules) == ("failed", {"captured_at_missing": 1})
    assert IngestLimits().max_quarantine_share < 1
    assert standing_failures(room.lake, room.rocu, room.now.date(), room.now.date()) == (batch,)
