"""The how-to for a new pattern is run as it stands: its module is installed, found, trained, scored and explained."""

from __future__ import annotations

import contextlib
import io
import re
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

from governance.policy.document import packaged_policy, read_policy
from infra.errors import FaultError
from models import stages
from models.code_state import code_state
from models.evaluation import Evaluation
from models.patterns import PATTERN_GROUP, get_pattern, pattern_names

PAGE = (Path(__file__).parents[2] / "docs" / "add-a-pattern.md").read_text(encoding="utf-8")
MODULE, BY_HAND = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PROJECT = tomllib.loads(re.findall(r"^```toml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)[0])
(POLICY,) = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)


def install(folder: Path, module: str, points: dict[str, str], name: str) -> None:
    """Lay a distribution out as an installer does."""
    about = folder / f"{name.replace('-', '_')}-1.0.0.dist-info"
    about.mkdir(parents=True)
    (folder / "night_travel.py").write_text(module, encoding="utf-8")
    (about / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0.0\n")
    (about / "RECORD").write_text("night_travel.py,,\n")
    lines = "".join(f"{key} = {value}\n" for key, value in points.items())
    (about / "entry_points.txt").write_text(f"[{PATTERN_GROUP}]\n{lines}")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    points = PROJECT["project"]["entry-points"][PATTERN_GROUP]
    install(tmp_path / "site", MODULE, points, PROJECT["project"]["name"])
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield tmp_path
    sys.modules.pop("night_travel", None)


def test_an_installed_pattern_is_found_and_changes_the_code_digest(tmp_path, monkeypatch, request):
    before = code_state().source_digest
    request.getfixturevalue("installed")
    assert pattern_names() == ("convoy", "county_lines", "night_travel")
    assert get_pattern("night_travel").title == "Night travel"
    assert code_state().source_digest != before


def test_the_code_of_the_page_trains_scores_and_explains(installed, world):
    said = io.StringIO()
    names = {"settings": world.settings, "lake": world.lake, "inputs": world.inputs}
    with contextlib.redirect_stdout(said):
        exec(compile(BY_HAND, "add-a-pattern.md", "exec"), names)  # noqa: S102
    assert names["snapshot"].num_rows > 50
    assert names["scored"].column("rank").to_pylist()[0] == 1
    facts = {row["vehicle"]: row for row in names["windows"].to_pylist()}
    told = [
        (row["vehicle"], text) for row in names["scored"].to_pylist() for text in (*row["reasons"], *row["against"])
    ]
    assert told
    for vehicle, text in told:
        row = facts[vehicle]
        assert text in (
            f"{row['reads']} reads in 14 days",
            f"seen by {row['cameras']} cameras",
            f"{row['night_share'] * 100:.0f} % of {row['reads']} reads between 22:00 and 05:00",
        )


def test_the_pipeline_takes_it_by_its_name(installed, world, monkeypatch):
    settings = get_pattern("night_travel").settings_type(window_days=14).model_dump(mode="json")
    inputs = world.inputs.model_copy(update={"pattern": "night_travel", "pattern_settings": settings})
    assert inputs.model == "night_travel.nwrocu"
    monkeypatch.chdir(installed)
    Path("pinned.json").write_text(inputs.to_json())
    params = {
        "home": str(world.settings.root),
        "out": "out",
        "python": "python",
        "pinned": "pinned.json",
        "rocus": [inputs.rocu],
        "pattern": inputs.pattern,
        "as_of": inputs.as_of.isoformat(),
        "capacity": inputs.capacity,
        "pattern_settings": settings,
        "training": inputs.training.model_dump(mode="json"),
    }
    Path("params.yaml").write_text(yaml.safe_dump(params))
    for stage in stages.STAGES:
        assert stages.main([stage, "--rocu", inputs.rocu]) == 0, stage
    found = Evaluation.model_validate_json((Path("out") / inputs.rocu / stages.EVALUATION).read_bytes())
    assert found.all_vehicles.positives >= 3


def test_a_policy_may_set_its_limits_or_leave_them(installed):
    file = installed / "policy.yaml"
    file.write_text('version: "own"\n' + POLICY)
    assert read_policy(file).pattern("night_travel").model_dump()["night_from_hour"] == 23
    default = packaged_policy("default").policy
    assert default.pattern("night_travel") == get_pattern("night_travel").settings_type()
    assert default.rows("night_travel") == default.capacity


@pytest.mark.parametrize(
    "points", [{"county_lines": "night_travel:PATTERN"}, {"nights": "night_travel:PATTERN"}, {"nights": "os:getcwd"}]
)
def test_a_name_that_is_taken_or_leads_elsewhere_is_refused(tmp_path, monkeypatch, points):
    install(tmp_path / "site", MODULE, points, "other")
    monkeypatch.syspath_prepend(tmp_path / "site")
    with pytest.raises(FaultError):
        (get_pattern("nights"), pattern_names())
    sys.modules.pop("night_travel", None)
