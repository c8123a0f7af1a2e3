"""Conservation: whatever a file holds, every row is accepted, set apart or a duplicate, once, under its own number."""

from __future__ import annotations

import csv
import io
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from data_contracts.judgement.limits import IngestLimits
from data_contracts.sources.inspection import inspect
from data_contracts.sources.loading import load_rows
from data_contracts.sources.model import BUILT_IN
from infra.errors import WrongInputError

FIELDS = ("vrm", "captured_at", "camera_id")
awkward = st.text(alphabet='aA1,"\n\t |é\x00\x01\x1f\u2028 ', max_size=8)
vrms = st.sampled_from(["AB12CDE", "AB12CDF", "XY21ZZZ", "", "??"]) | awkward
times = st.sampled_from([f"2026-05-18T08:00:{second:02}Z" for second in range(0, 60, 4)] + ["", "2026-05-18"]) | awkward
cameras = st.sampled_from(["CAM-1", "CAM-2", "CAM-9", ""]) | awkward
whole_rows = st.tuples(vrms, times, cameras)
# a row that is both too wide and broken over lines cannot be told from two bad rows
one_line = awkward.map(lambda text: text.replace("\n", ""))
# a file in which no time can be read is refused as a whole
GOOD = ("AB12CDE", "2026-05-18T09:00:00Z", "CAM-1")
ragged_rows = st.lists(one_line, min_size=2, max_size=5).map(tuple)


def as_csv(rows, quoting, line_end):
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=quoting, lineterminator=line_end)
    writer.writerow(FIELDS)
    writer.writerows(rows)
    return text.getvalue().replace("\x00", "0").encode()


# shrinking would ingest hundreds of times
@settings(max_examples=5, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.lists(st.lists(whole_rows | ragged_rows, min_size=1, max_size=25), min_size=1, max_size=3), st.data())
def test_every_row_of_every_file_is_accounted_for_once(room_again, files, data):
    room = room_again()
    files = [[*rows, GOOD] for rows in files]
    line_end = data.draw(st.sampled_from(["\n", "\r\n"]))
    paths = [room.write(f"{n}.csv", as_csv(rows, csv.QUOTE_MINIMAL, line_end)) for n, rows in enumerate(files)]
    report = room.ingest(*paths, max_quarantine_share=data.draw(st.sampled_from([0.0, 0.3, 1.0])))
    assert len(report.batches) + len(report.already_known) == len(paths)
    accepted, set_apart = room.reads("batch_id, row_no"), room.quarantine("batch_id, row_no")
    assert len(set(accepted) | set(set_apart)) == len(accepted) + len(set_apart)
    sizes = {batch.batch_id: batch.rows for batch in report.batches}
    for batch in report.batches:
        assert batch.rows == batch.accepted + batch.quarantined + batch.duplicates
        assert batch.accepted == sum(batch_id == batch.batch_id for batch_id, _ in accepted)
        assert batch.quarantined == sum(batch_id == batch.batch_id for batch_id, _ in set_apart)
    assert all(1 <= row_no <= sizes[batch_id] for batch_id, row_no in accepted + set_apart)
    lengths = {len(rows) for rows in files}
    assert set(sizes.values()) <= lengths


def loaded(content: bytes) -> list[tuple[object, ...]]:
    with TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "file.csv"
        path.write_bytes(content)
        delivery = inspect(path, BUILT_IN["canonical"], FIELDS, ())
        load_rows(connection, "delivered", [delivery], FIELDS, {}, {field: field for field in FIELDS})
        return connection.execute(
            "SELECT row_no, whole, vrm, captured_at, camera_id FROM delivered ORDER BY 1"
        ).fetchall()


@settings(max_examples=25, deadline=None)
@given(st.lists(whole_rows | ragged_rows, min_size=1, max_size=20), st.sampled_from(["\n", "\r\n"]))
def test_rows_come_as_the_csv_module_wrote_them(rows, line_end):
    read = loaded(as_csv(rows, csv.QUOTE_MINIMAL, line_end))
    assert [number for number, *_ in read] == list(range(1, len(rows) + 1))
    for row, (_, whole, *cells) in zip(rows, read, strict=True):
        assert whole == (len(row) == len(FIELDS))
        if whole:
            written = [cell.replace("\x00", "0").replace("\r\n", "\n").replace("\r", "\n") for cell in row]
            assert cells == [cell.strip(" ") or None for cell in written]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.text(alphabet="aA1,|é\x1f\x01 \t", max_size=6)] * 3), min_size=1, max_size=30))
def test_the_quick_and_the_careful_way_agree(rows):
    lines = [",".join(row) for row in rows]
    plain = ("\n".join(["vrm,captured_at,camera_id", *lines]) + "\n").encode()
    careful = plain.replace(b"camera_id\n", b'"camera_id"\n', 1)
    assert loaded(plain) == loaded(careful)


@settings(max_examples=25, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_one_clear_error(content):
    for damaged in (content, b"vrm,captured_at,camera_id\n" + content):
        with suppress(WrongInputError):
            read = loaded(damaged)
            assert [number for number, *_ in read] == list(range(1, len(read) + 1))


def test_limits_forbid_unknown_keys_and_nonsense():
    for wrong in ({"max_quarantine_share": 1.5}, {"retention_days": 0}, {"colour": "red"}):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            IngestLimits.model_validate(wrong)
