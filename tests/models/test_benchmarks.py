from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchmarks import models
from benchmarks.__main__ import PAGE

ROOT = Path(__file__).parents[2]


def test_an_unknown_benchmark_is_wrong_input_and_nothing_is_measured() -> None:
    before = PAGE.read_bytes()
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "features", "model"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "There is no benchmark model." in done.stderr
    assert "models" in done.stderr
    assert PAGE.read_bytes() == before


def test_the_section_of_models_says_how_it_was_measured_and_how_far_to_trust_it() -> None:
    told = models.how_measured(1.0, 1, 2, 2)
    assert told in PAGE.read_text(encoding="utf-8")
    assert told.endswith(models.CAVEAT)
    assert models.how_measured(0.5, 3, 2, 2).startswith("Worlds at 0.5 of their size; seeds of each: 3;")
