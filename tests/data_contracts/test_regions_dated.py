"""Regions: nine ROCUs and London, as they stand on a day."""

from __future__ import annotations

from datetime import date

import pytest

from data_contracts.registers.regions import find_force, regions, require_rocu
from infra.errors import WrongInputError

TODAY = date(2026, 11, 21)


def test_ten_regions_and_43_forces():
    found = regions(TODAY)
    assert len(found) == 10
    assert len({force for region in found for force in region.forces}) == 43


def test_north_wales_is_in_the_north_west_and_kent_in_the_east():
    assert "north-wales" in require_rocu("nwrocu", TODAY).forces
    assert "kent" in require_rocu("ERSOU", TODAY).forces


@pytest.mark.parametrize("code", ["nersou", "", "nw rocu", "scotland"])
def test_an_unknown_rocu_names_the_known_ones(code):
    with pytest.raises(WrongInputError, match="nwrocu") as caught:
        require_rocu(code, TODAY)
    assert "tarian" in caught.value.instruction


def test_a_day_before_any_region():
    with pytest.raises(WrongInputError):
        require_rocu("nwrocu", date(1990, 1, 1))


@pytest.mark.parametrize(
    ("text", "force"),
    [
        ("Greater Manchester Police", "greater-manchester"),
        ("Avon & Somerset", "avon-and-somerset"),
        ("Hampshire", "hampshire-and-isle-of-wight"),
        ("CHESHIRE Constabulary", "cheshire"),
        ("Ruritania", None),
        ("", None),
    ],
)
def test_forces_are_known_however_they_are_written(text, force):
    assert find_force(text) == force
