"""Plates that were misread, and what reads of one plate say of the vehicle: noted, with the likelier, never merged.

The cases are files of two calls, by default limits and by others; each has plates of its own, so that none touches
another.
"""

from __future__ import annotations

from typing import Any

import pytest
from across_rows_support import ENDINGS, FIELDS, REGISTER, Judged, deliver, ingested, line, notes, one

FILES: dict[str, list[str]] = {}
LIMITED: dict[str, list[str]] = {}
LIMITS: dict[str, Any] = {}


@pytest.fixture(scope="module")
def judged(room_again) -> Judged:
    room = room_again()
    room.cameras(REGISTER)
    return ingested(room, FILES)


@pytest.fixture(scope="module")
def limited(room_again) -> Judged:
    room = room_again()
    room.cameras(REGISTER)
    return ingested(room, LIMITED, **LIMITS)


FILES["misread"] = [
    line("LV12ABC", "08:00:00", confidence="95"),
    line("LU12ABC", "08:01:00", confidence="70"),
    *(line("LV12ABC", f"{hour}:30:00") for hour in ("09", "10", "11")),
]


def test_a_misread_pair_is_noted_with_the_likelier_plate_and_nothing_is_merged(judged):
    batch = judged["misread"]
    assert batch.rules == {"misread_pair": 1}
    assert batch.reasons[0].startswith("misread_pair: 1 camera: 1 at CAM-1. The rule: ")
    ((row_no, cause, confusion, vehicle, other, row, score, seconds),) = judged.noted(
        "misread_pair", "misread", "row_no, cause, confusion, vehicle, other_vehicle, other_row_no, score, value"
    )
    assert (row_no, cause, vehicle) == (2, "read_more_often+higher_confidence", judged.token("LU12ABC"))
    assert confusion == "U/V"
    assert (other, row, seconds) == (judged.token("LV12ABC"), 1, 60)
    assert 0.9 < score < 1
    rows = [vehicle for batch_id, vehicle in judged.room.reads("batch_id, vehicle") if batch_id == batch.batch_id]
    assert rows[1] == judged.token("LU12ABC")


def pair(second: str, ending: str) -> list[str]:
    return [line(f"LV12A{ending}", "08:00:00"), line(f"LU12A{ending}", f"08:{second}")]


FILES |= {"pair at 05:00": pair("05:00", "HH"), "pair at 05:01": pair("05:01", "HJ")}
LIMITS |= {"misread_within_s": 301}
LIMITED["pair at 05:01"] = pair("05:01", "HH")


def test_a_misread_pair_lies_within_the_limit(judged, limited):
    assert judged["pair at 05:00"].rules.get("misread_pair", 0) == 1
    assert judged["pair at 05:01"].rules.get("misread_pair", 0) == 0
    assert limited["pair at 05:01"].rules.get("misread_pair", 0) == 1


PAIRS = {
    "unknown format": ("LV12H", "LV1ZH", "CAM-1", "known_format"),
    "nothing tells": ("LV12H", "LU12H", "CAM-1", "undecided"),
    "elsewhere": ("LV12H", "LU12H", "CAM-2", None),
    "no confusion": ("LV12H", "LX12H", "CAM-1", None),
    "two places": ("BV12C", "8V12G", "CAM-1", None),
    "a chain of confusions": ("BV12H", "CV12H", "CAM-1", None),
}
for name, ending in zip(PAIRS, ENDINGS, strict=False):
    first, second, camera, _ = PAIRS[name]
    FILES[name] = [line(first + ending), line(second + ending, "08:01:00", camera)]


@pytest.mark.parametrize("name", PAIRS)
def test_what_is_a_misread_pair_and_which_of_it_is_less_likely(judged, name):
    found = judged.noted("misread_pair", name, "cause, vehicle, score")
    expected = PAIRS[name][3]
    if expected is None:
        assert found == []
        return
    ((cause, vehicle, score),) = found
    assert cause == expected
    assert (score > 0.9) == (cause == "known_format")
    if cause == "known_format":
        assert vehicle == judged.token(FILES[name][1].split(",")[0])


def on_the_way(vrm: str, misread: str, second: str = "08:30:00") -> list[str]:
    """A drive from CAM-1 to CAM-2, 45 km, an hour each way, and one odd read at CAM-N, 2 km from CAM-1."""
    return [
        line(vrm, "08:00:00"),
        line(vrm, "09:00:00", "CAM-2"),
        line(vrm, "11:00:00"),
        line(misread, second, "CAM-N"),
    ]


LIMITS |= {"misread_route_within_s": 1799}
ON_THE_WAY = {
    "an unknown format": ("LV1ZM", "08:05:00", FILES, "known_format+read_more_often"),
    "read once": ("LU12M", "08:05:00", FILES, "read_more_often"),
    "at the limit": ("LV1ZM", "08:30:00", FILES, "known_format+read_more_often"),
    "not there in time": ("LV1ZM", "08:55:00", FILES, None),
    "nothing like it": ("LX1ZM", "08:05:00", FILES, None),
    "at another limit": ("LV1ZM", "08:30:01", LIMITED, "known_format+read_more_often"),
    "beyond it": ("LV1ZM", "08:30:00", LIMITED, None),
}
for ending, (name, (misread, second, files, _)) in zip(ENDINGS, ON_THE_WAY.items(), strict=False):
    files[name] = on_the_way(f"LV12M{ending}", misread + ending, second)


@pytest.mark.parametrize("name", ON_THE_WAY)
def test_an_odd_read_is_held_against_a_look_alike_on_its_way_past(judged, limited, name):
    _, _, files, noted = ON_THE_WAY[name]
    found = judged if files is FILES else limited
    assert found[name].rules.get("misread_on_route", 0) == (1 if noted else 0)
    if noted:
        ((cause, vehicle, other, score),) = found.noted(
            "misread_on_route", name, "cause, vehicle, other_vehicle, score"
        )
        true, *_, misread = (text.split(",")[0] for text in files[name])
        assert (cause, vehicle, other) == (noted, found.token(misread), found.token(true))
        assert score > 0.8
        assert found[name].accepted == 4


FILES["as often"] = [*on_the_way("LV12PHH", "LU12PHH", "08:05:00"), line("LU12PHH", "10:00:00", "CAM-N")]


def test_two_vehicles_that_are_read_as_often_are_no_misreads(judged):
    assert "misread_on_route" not in judged["as often"].rules


def test_opaque_identifiers_have_no_misreads(room):
    source = room.write("opaque.yaml", "name: opaque\nplate_scheme: opaque\n")
    lines = [line("LV12ABC"), line("LU12ABC", "08:01:00")]
    assert one(room.ingest(deliver(room, "day", lines), source=str(source))).rules == {}


SAID = ["blue", " Blue", "BLUE", "red", ""]


def test_what_reads_of_one_plate_say_of_the_vehicle_disagrees(room):
    # each field says the same in other rows
    lines = [
        ",".join([line("LV12ABC", f"0{number}:00:00"), *(SAID[(number + shift) % 5] for shift in range(3))])
        for number in range(5)
    ]
    lines.append(line("HJ12HJL") + ",green" * 3)
    fields = ("make", "model", "colour")
    batch = one(room.ingest(deliver(room, "day", lines, ",".join([FIELDS, *fields]))))
    assert batch.rules == {f"{field}_disagrees": 1 for field in fields}
    for shift, field in enumerate(fields):
        assert notes(room, f"{field}_disagrees", "row_no, cause, score") == [(4 - shift, f"rarer_{field}", 0.75)]
    # what was said is not kept
    assert not [path for path, content in room.snapshot().items() if b"RED" in content and "landing" not in path]


def test_a_column_of_another_name_can_be_the_make(room):
    source = room.write("source.yaml", "name: dvla\ncolumns: {make: MANUFACTURER}\n")
    lines = [line("LV12ABC", f"0{hour}:00:00") + f",{word}" for hour, word in enumerate(["FORD", "FORD", "SEAT"])]
    report = room.ingest(deliver(room, "day", lines, f"{FIELDS},MANUFACTURER"), source=str(source))
    assert one(report).rules == {"make_disagrees": 1}
