from __future__ import annotations

import re
import string
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pydantic import ValidationError

from infra.errors import WrongInputError
from models import pattern_code
from models.features.settings import PatternSettings
from models.pattern_code import pattern_code_digest
from models.patterns import features_reference, get_pattern, pattern_names


def test_patterns_are_found_by_name():
    assert "county_lines" in pattern_names()
    for name in pattern_names():
        assert get_pattern(name).name == name


@pytest.mark.parametrize("name", ["", "county-lines", "os", "..", "features"])
def test_an_unknown_pattern_is_wrong_input_and_says_what_there_is(name):
    with pytest.raises(WrongInputError) as error:
        get_pattern(name)
    assert error.value.exit_code == 2
    assert "county_lines" in error.value.instruction


@pytest.mark.parametrize(
    "wrong",
    [
        {"window_days": 0},
        {"window_days": 366},
        {"zone": "Mars/Olympus"},
        {"departure_band_hours": 5},
        {"night_from_hour": 24},
        {"slack_percent": 50},
        {"unknown": 1},
    ],
)
def test_settings_refuse_what_makes_no_sense(wrong):
    with pytest.raises(ValidationError):
        PatternSettings(**wrong)


def test_settings_are_frozen_and_described():
    with pytest.raises(ValidationError):
        PatternSettings().away_km = 5
    for field in PatternSettings.model_fields.values():
        assert field.description
        assert any(standing in field.description for standing in ("definition", "lead", "local policy"))


def test_what_county_lines_finds_and_misses_is_what_the_benchmark_measured():
    page = (Path(__file__).parents[2] / "benchmarks" / "README.md").read_text()
    lives = {
        name: (float(share), float(times))
        for name, share, times in re.findall(r"\| ([a-z ]+) \| ([\d.]+)% \| ([\d.]+) \|", page)
    }
    said = get_pattern("county_lines").finds_and_misses
    share, times = lives["in a line"]
    assert f"{share} % of the first 25 places were vehicles of lines, {times:.0f} times their share" in said
    for life, told in (
        ("hire", "hire cars"),
        ("local", "people at home there"),
        ("weekend family", "weekend families"),
    ):
        assert f"{told} {lives[life][0]:.0f} % (" in said
    for life in ("courier", "contractor", "tourist", "haulier", "taxi", "commuter"):
        assert f"{life}s {lives[life][0]:.0f} %" in said
    measured = next(line for line in page.splitlines() if line.startswith("| **this product** | 0.1")).split("|")
    recall_all, recall_new = float(measured[4]), float(measured[8])
    assert f"{recall_all:.1%}".replace("%", " %") in said
    assert f"{recall_new:.1%}".replace("%", " %") in said


def test_what_convoy_finds_and_misses_is_what_the_benchmark_measured():
    page = (Path(__file__).parents[2] / "benchmarks" / "README.md").read_text()
    section = page.partition("what ranks convoys highest")[2].partition("\n## ")[0]
    measured = next(line for line in section.splitlines() if line.startswith("| **this product**")).split("|")
    precision, recall, recall_new = float(measured[3]), float(measured[4]), float(measured[7])
    said = get_pattern("convoy").finds_and_misses
    assert precision == 1
    assert f"{recall:.0%} of all there were".replace("%", " %") in said
    assert f"nobody had decided about {recall_new:.0%} stood".replace("%", " %") in said
    lives = dict(re.findall(r"\| (couple|firm van) \| ([\d.]+)% \|", section))
    assert f"{float(lives['couple']):.0f} % were couples" in said
    assert f"{float(lives['firm van']):.0f} % vans of one firm" in said


WORDS = ("place", "journey", "base", "stay", "trip", "run", "sighting", "joint journey")


@pytest.mark.parametrize("name", ["county_lines", "convoy"])
def test_words_that_sentences_use_in_a_sense_of_their_own_are_explained(name):
    pattern = get_pattern(name)
    told = dict(pattern.words(pattern.settings_type()))
    assert list(told) == [term.word for term in pattern.terms]
    said = " ".join(part for feature in pattern.features for part in feature.sentence)
    assert [word for word in WORDS if re.search(rf"\b{word}s?\b", said) and word not in told] == []


def test_the_meaning_of_a_word_has_the_settings_of_the_rocu():
    told = dict(get_pattern("county_lines").words(PatternSettings(away_km=45, run_km=12, short_stay_minutes=90)))
    assert told["trip"] == "from leaving the base to coming back to it, 45 km or more away in between"
    assert "over 12 km" in told["run"]
    assert "up to 90 min" in told["run"]


def test_sentences_only_use_features_and_settings():
    pattern = get_pattern("county_lines")
    known = {*pattern.feature_names, *pattern.settings_type.model_fields}
    templates = [part for feature in pattern.features for part in feature.sentence]
    templates += [caution.sentence for caution in pattern.cautions]
    for template in templates:
        assert {name for _, name, _, _ in string.Formatter().parse(template) if name} <= known


def test_the_reference_page_is_what_the_code_declares():
    page = Path(__file__).parents[2] / "docs" / "features.md"
    assert page.read_text(encoding="utf-8") == features_reference()
    for name in get_pattern("county_lines").feature_names:
        assert f"| `{name}` |" in features_reference()


def test_the_baseline_ranks_repeated_quick_trips_to_one_town_first():
    table = pa.table(
        {
            "quick_trips": [6, 6, 0, 0],
            "main_away_share": [1.0, 0.2, None, 0.5],
            "away_trips": [6, 6, 0, 4],
        }
    )
    score = get_pattern("county_lines").baseline(table)
    assert score.dtype == np.float64
    assert list(np.argsort(-score)) == [0, 1, 3, 2]
    assert score[2] == 0
    assert get_pattern("county_lines").baseline(table.slice(0, 0)).shape == (0,)


def test_the_code_of_a_pattern_is_another_with_another_library(monkeypatch: pytest.MonkeyPatch) -> None:
    before = pattern_code_digest("county_lines")
    assert pattern_code_digest("county_lines") == before
    monkeypatch.setattr(pattern_code, "version", lambda name: "0.0" if name == "ibis-framework" else "1.0")
    other = pattern_code_digest("county_lines")
    monkeypatch.setattr(pattern_code, "version", lambda name: "1.0")
    assert len({before, other, pattern_code_digest("county_lines")}) == 3
