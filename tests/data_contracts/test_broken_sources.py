"""Source files that cannot be: each is refused in words that name what is wrong."""

from __future__ import annotations

import pytest
from broken_files import check_told

from data_contracts.sources.model import load_source
from infra.errors import WrongInputError

BAD_SOURCES = {
    "zone: Europe": "no IANA zone",
    "zone: localtime": "no IANA zone",
    "zone: ../../etc/passwd": "no IANA zone",
    f"zone: {'x' * 400}": "no IANA zone",
    "time_format: '%Q'": "strptime",
    "zone: 2026-99-99": "YAML|zone",
    "1: 2": "1",
    "columns: [vrm]": "columns",
    "[" * 5000: "YAML",
    "\x00": "YAML",
    "x: " + "y" * (2 << 20): "YAML",
}


@pytest.mark.parametrize("number", range(len(BAD_SOURCES)))
def test_sources_that_cannot_be(room, number):
    text, reason = list(BAD_SOURCES.items())[number]
    with pytest.raises(WrongInputError, match=reason) as caught:
        load_source(str(room.write("AB12CDE.yaml", text)))
    check_told(caught.value)


def test_a_source_without_a_name_has_its_files_name_but_no_plate(room):
    assert load_source(str(room.write("AB12CDE.yaml", "zone: UTC"))).name == "(name withheld)"
    assert load_source(str(room.write(f"{'n' * 90}.yaml", "zone: UTC"))).name == "n" * 60


def test_bof2_in_a_zone_of_its_own(room):
    described = room.write("vans.yaml", "format: bof2\nzone: Europe/London\n")
    text = "sig|user|AB12CDE|1|2|CAM-1|2026-05-18T08:00:00\nsig|user|AB12CDF|1|2|CAM-1|2026-05-18T08:00:00Z\n"
    with pytest.raises(WrongInputError, match="in which zone"):
        room.ingest(room.write("zoneless.txt", text.splitlines()[0] + "\n"), source="bof2")
    (batch,) = room.ingest(room.write("vans.txt", text), source=str(described)).batches
    assert batch.source == "vans"
    assert [f"{time:%H:%M}" for (time,) in room.reads("captured_at")] == ["07:00", "08:00"]
