"""What is told of a file by its name: nothing in which a plate could be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from data_contracts.intake.names import NAME_WITHHELD, name_as_delivered, path_as_given


@pytest.mark.parametrize(
    "name",
    ["AB12CDE.csv", "xAB12CDE.csv", "readsab12cdefinal.csv.gz", "camA123BCDx.csv", "zABC123Dz.parquet", "ab12 cde.csv"],
)
def test_a_name_with_a_plate_in_it_is_withheld(name: str) -> None:
    assert name_as_delivered(Path("/in") / name) == NAME_WITHHELD
    assert path_as_given(Path("/in") / name / "reads.csv") == f"/in/{NAME_WITHHELD}/reads.csv"


@pytest.mark.parametrize(
    "name",
    [
        "missing.csv",
        "2026-05-18.csv.gz",
        "reads-2026-05-18_nwrocu.csv",
        "day01.csv",
        "cameras.csv",
        "reads_v2.csv",
        "files",
        "trail.csv",
    ],
)
def test_a_name_without_one_is_told(name: str) -> None:
    assert name_as_delivered(Path("/in") / name) == name
    assert path_as_given(Path("/in") / name) == f"/in/{name}"
