"""The quarantine as people see it: counts, samples, and which records hold what is asked about."""

from __future__ import annotations

from datetime import date

import duckdb
import pytest

from data_contracts.intake.id_columns import camera_code
from data_contracts.judgement.moved_rows import Asked
from data_contracts.layers.reads import ingest_records, layer_parts
from data_contracts.quarantine import (
    Span,
    count_quarantine,
    count_rows,
    records_holding,
    require_known,
    sample_quarantine,
)
from infra.errors import FaultError, WrongInputError
from infra.pseudonyms import load_pseudonymiser

ALL, ANY = Span(), Asked()


@pytest.fixture(scope="module")
def held(room_again, row):
    """Two files: four rows set apart, one of them for two rules; and a failed one of two rows."""
    room = room_again()
    one = [
        row(),
        row(vrm="AB12CDF", camera_id="CAM-9"),
        row(vrm="AB12CDG", camera_id="CAM-9", confidence="101", feed_id="feed-two"),
        row(vrm="AB12CDH", confidence="-1"),
        row(vrm="AB12CDJ", captured_at="soon", received_at=""),
    ]
    room.ingest(room.deliver("one.csv", *one), max_quarantine_share=0.9)
    room.ingest(
        room.deliver(
            "two.csv", row(vrm="XY21ZZZ", camera_id="XY21ZZY", captured_at="2026-05-17T01:00:00Z", received_at=""),
            row(vrm="XY21ZZX", captured_at="2026-05-17T02:00:00Z", received_at=""),
        ), max_quarantine_share=0.1,
    )  # fmt: skip
    return room


def code(room, camera):
    return camera_code(load_pseudonymiser(room.settings, room.rocu), camera)


def counts(room, by, span=ALL, asked=ANY):
    return {held.value: held.rows for held in count_quarantine(room.settings, room.lake, room.rocu, by, span, asked)}


def test_counts_by_rule_camera_feed_and_batch(held):
    assert counts(held, "rule") == {
        "camera_not_registered": 3,
        "confidence_out_of_range": 2,
        "captured_at_unreadable": 1,
        "batch_failed": 2,
        "id_reads_as_plate": 1,
    }
    # the id of an unregistered camera could be anything: a code is written; those of a failed batch are one group
    assert counts(held, "camera") == {code(held, "CAM-9"): 2, "CAM-1": 3, "unregistered:": 1}
    assert counts(held, "feed") == {"feed-one": 5, "feed-two": 1}
    assert sorted(counts(held, "batch").values()) == [2, 4]
    assert count_rows(held.settings, held.lake, held.rocu, ALL, ANY) == 6


def test_days_and_filters(held):
    day = Span(date(2026, 5, 18), date(2026, 5, 18))
    # the row without a time belongs to the days of its batch
    assert counts(held, "rule", day)["captured_at_unreadable"] == 1
    assert count_rows(held.settings, held.lake, held.rocu, day, ANY) == 4
    assert counts(held, "rule", Span(end=date(2026, 5, 17))) == {
        "batch_failed": 2,
        "camera_not_registered": 1,
        "id_reads_as_plate": 1,
    }
    assert counts(held, "camera", asked=Asked(rule="confidence_out_of_range")) == {
        code(held, "CAM-9"): 1,
        "CAM-1": 1,
    }
    (first,) = count_quarantine(
        held.settings,
        held.lake,
        held.rocu,
        "feed",
        day,
        Asked(rule="camera_not_registered", camera="CAM-9", batch=None),
    )[:1]
    assert (first.rows, first.batches, first.first, first.last) == (1, 1, date(2026, 5, 18), date(2026, 5, 18))


def test_samples_have_tokens_and_no_plates(held):
    rows = sample_quarantine(
        held.settings, held.lake, held.rocu, ALL, Asked(rule="camera_not_registered", camera="CAM-9"), 10
    )
    assert [(row.row_no, row.rules) for row in rows] == [
        (2, ("camera_not_registered",)),
        (3, ("confidence_out_of_range", "camera_not_registered")),
    ]
    assert rows[0].delivered_as == "one.csv"
    assert all(len(row.vehicle) == 32 for row in rows)
    said = str(sample_quarantine(held.settings, held.lake, held.rocu, ALL, ANY, 100))
    assert "AB12" not in said
    assert "XY21" not in said
    assert len(sample_quarantine(held.settings, held.lake, held.rocu, ALL, ANY, 2)) == 2


def test_records_that_hold_what_is_asked_about(held):
    first, second = (record.ingest_id for record in ingest_records(held.lake, held.rocu))
    assert records_holding(held.settings, held.lake, held.rocu, ALL, ANY) == {first: 4, second: 2}
    assert records_holding(held.settings, held.lake, held.rocu, ALL, Asked(camera="CAM-9")) == {first: 2}


def test_a_failed_batch_delivered_again_is_in_quarantine_no_longer(room, row):
    file = room.deliver("one.csv", row(camera_id="CAM-3"))
    (failed,) = room.ingest(file).batches
    assert counts(room, "rule") == {"camera_not_registered": 1, "batch_failed": 1}
    room.cameras("camera_id,latitude,longitude,valid_from\nCAM-3,53.0,-2.5,2026-01-01\n")
    room.ingest(file, replaces=failed.batch_id)
    assert counts(room, "rule") == {}


def test_an_empty_quarantine_and_names_that_are_none(room, row):
    room.ingest(room.deliver("one.csv", row()))
    assert counts(room, "camera") == {}
    assert sample_quarantine(room.settings, room.lake, room.rocu, ALL, ANY, 5) == ()
    require_known(room.lake, room.rocu, Asked(rule="camera_not_registered"))
    with pytest.raises(WrongInputError, match="No rule"):
        require_known(room.lake, room.rocu, Asked(rule="camera_not_registred"))
    with pytest.raises(WrongInputError, match="no batch"):
        require_known(room.lake, room.rocu, Asked(batch="0123456789abcdef"))


def test_a_part_that_is_gone_is_a_fault(held, room_again):
    room = room_again(held)
    (room.lake.root / layer_parts(room.lake, room.rocu, "quarantine")[0].path).unlink()
    with pytest.raises(FaultError, match="missing"):
        count_rows(room.settings, room.lake, room.rocu, ALL, ANY)


def test_rule_counts_are_kept_by_camera_feed_force_and_day(held):
    paths = [str(held.lake.root / part.path) for part in layer_parts(held.lake, held.rocu, "rule_counts")]
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE counted AS SELECT * FROM read_parquet(?, hive_partitioning = false)", [paths])
        by_rule = dict(connection.execute("SELECT rule, sum(rows) FROM counted GROUP BY rule").fetchall())
        manifests = {}
        for record in ingest_records(held.lake, held.rocu):
            for batch in record.batches:
                for rule, rows in batch.rules.items():
                    manifests[rule] = manifests.get(rule, 0) + rows
        assert {rule: rows for rule, rows in by_rule.items() if rule != "batch_failed"} == manifests
        assert by_rule["batch_failed"] == 2
        placed = connection.execute(
            """SELECT severity, camera_id, feed_id, force, day, rows FROM counted
                WHERE rule = 'confidence_out_of_range' ORDER BY feed_id"""
        ).fetchall()
        assert placed == [
            ("reject", "CAM-1", "feed-one", "merseyside", date(2026, 5, 18), 1),
            ("reject", code(held, "CAM-9"), "feed-two", None, date(2026, 5, 18), 1),
        ]
        assert connection.execute("SELECT camera_id FROM counted WHERE rule = 'id_reads_as_plate'").fetchall() == [
            (code(held, "XY21ZZY"),)
        ]
