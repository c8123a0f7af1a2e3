"""What a world file may say, and what happens when it says something else."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from pydantic import BaseModel

from infra.errors import WrongInputError
from simulation.world import WORLDS, World, load_world

SHIPPED = sorted(WORLDS.glob("*.yaml"))


def written(tmp_path: Path, **changes: object) -> Path:
    content = yaml.safe_load((WORLDS / "small.yaml").read_text())
    for dotted, value in changes.items():
        *path, last = dotted.split("__")
        section = content
        for key in path:
            section = section[key]
        section[last] = value
    file = tmp_path / "world.yaml"
    file.write_text(yaml.safe_dump(content))
    return file


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_knob_of_a_shipped_world_is_listed_with_its_meaning(path: Path) -> None:
    text = " ".join(path.read_text().replace("\n#", " ").replace("\n  #", " ").split())

    def check(model: type[BaseModel], content: dict[str, object]) -> None:
        for name, field in model.model_fields.items():
            assert field.description, name
            assert name in content, name
            assert field.description in text, name
            value = content[name]
            if isinstance(value, dict) and isinstance(field.annotation, type):
                check(field.annotation, value)

    check(World, yaml.safe_load(path.read_text()))
    assert load_world(path).name == path.stem


def test_the_default_world_has_every_region_and_one_line_vehicle_in_two_thousand() -> None:
    world = load_world(WORLDS / "default.yaml")
    assert len(world.rocus) == 10
    assert world.county_lines.prevalence == pytest.approx(1 / 2000)


def test_a_denser_world_says_so() -> None:
    assert "dense" in load_world(WORLDS / "demo.yaml").description


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"camera_count": 5}, "unknown key camera_count"),
        ({"faults__misreed_rate": 0.1}, "unknown key faults.misreed_rate"),
        ({"faults__misread_rate": 1.5}, "faults.misread_rate"),
        ({"rocus": ["nwrocu", "atlantis"]}, "rocus.1"),
        ({"rocus": ["nwrocu", "nwrocu", "yhrocu"]}, "twice"),
        ({"lives__local": 0.9}, "add up to"),
        ({"events": [{"kind": "outage", "rocu": "nwrocu", "start": "2027-01-01", "end": "2027-01-02"}]}, "not inside"),
        ({"events": [{"kind": "outage", "rocu": "tarian", "start": "2026-03-03", "end": "2026-03-04"}]}, "tarian"),
        ({"events": [{"kind": "flood", "rocu": "nwrocu", "start": "2026-03-03"}]}, "events.0"),
    ],
)
def test_a_wrong_world_is_refused_with_the_key_named(tmp_path: Path, changes: dict[str, object], named: str) -> None:
    with pytest.raises(WrongInputError, match=named):
        load_world(written(tmp_path, **changes))


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    file = tmp_path / "world.yaml"
    file.write_text("name: bare\n")
    with pytest.raises(WrongInputError, match="vehicles: Field required"):
        load_world(file)


@pytest.mark.parametrize("content", [b"just a sentence", b"a: [1, 2", b"\xff\xfe\x00"])
def test_a_file_that_is_no_world_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "world.yaml"
    file.write_bytes(content)
    with pytest.raises(WrongInputError):
        load_world(file)


def test_a_world_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongInputError, match="no world file"):
        load_world(tmp_path / "none.yaml")
