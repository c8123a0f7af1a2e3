from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from infra.errors import FaultError, RefusedError
from models.training import feature_matrix, load_booster, text_sha256, train_model
from models.training_settings import TrainingSettings

FEATURES = ["trips", "nights", "noise"]
SETTINGS = TrainingSettings(trees=30)


def table(positives: int = 17, rows: int = 300, seed: int = 3) -> pa.Table:
    generator = np.random.default_rng(seed)
    labels = np.zeros(rows, dtype=np.int8)
    labels[:positives] = 1
    return pa.table(
        {
            "trips": generator.poisson(1 + 6 * labels),
            "nights": generator.normal(size=rows) + 2 * labels,
            "noise": pa.array([None if number % 7 == 0 else float(number) for number in range(rows)]),
            "label": labels,
            "weight": np.ones(rows),
        }
    )


def test_the_same_rows_give_the_same_text_and_another_seed_another() -> None:
    first, record = train_model(table(), FEATURES, SETTINGS)
    second, _ = train_model(table(), FEATURES, SETTINGS)
    other, _ = train_model(table(), FEATURES, SETTINGS.model_copy(update={"seed": 4}))
    assert first == second != other
    assert record.text_sha256 == text_sha256(first)


@pytest.mark.parametrize("threads", ["1", "4"])
def test_the_text_does_not_depend_on_the_threads_of_the_machine(threads: str, tmp_path: Path) -> None:
    here, _ = train_model(table(), FEATURES, SETTINGS)
    script = tmp_path / "fit.py"
    script.write_text(
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from test_training_fit import FEATURES, SETTINGS, table\n"
        "from models.training import text_sha256, train_model\n"
        "print(text_sha256(train_model(table(), FEATURES, SETTINGS)[0]))\n"
    )
    environment = {"PATH": os.defpath, "OMP_NUM_THREADS": threads}
    done = subprocess.run([sys.executable, script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == text_sha256(here)


def test_seventeen_confirmed_rows_are_enough_to_put_them_first() -> None:
    text, record = train_model(table(), FEATURES, SETTINGS)
    unseen = table(seed=4)
    scores = np.asarray(load_booster(text).predict(feature_matrix(unseen, FEATURES)))
    best = np.argsort(-scores)[:17]
    assert record.positives == 17
    assert unseen.column("label").to_numpy()[best].mean() > 0.8


def test_the_weight_of_the_few_is_the_root_of_the_ratio_up_to_its_limit() -> None:
    assert train_model(table(30), FEATURES, SETTINGS)[1].positive_weight == 3.0
    limited = SETTINGS.model_copy(update={"max_positive_weight": 2.0})
    assert train_model(table(30), FEATURES, limited)[1].positive_weight == 2.0


@pytest.mark.parametrize("positives", [0, 300])
def test_one_label_only_is_refused(positives: int) -> None:
    with pytest.raises(RefusedError, match="All 300 training rows carry the same label"):
        train_model(table(positives), FEATURES, SETTINGS)


def test_missing_features_are_refused_by_name() -> None:
    with pytest.raises(RefusedError, match="hops, stays"):
        feature_matrix(table(), ["trips", "hops", "stays"])


def test_a_constant_and_an_empty_feature_do_no_harm() -> None:
    rows = table()
    flat = rows.append_column("flat", pa.array([1.0] * rows.num_rows))
    empty = flat.append_column("empty", pa.array([None] * rows.num_rows, pa.float64()))
    text, _ = train_model(empty, [*FEATURES, "flat", "empty"], SETTINGS)
    assert load_booster(text).feature_importance().tolist()[-2:] == [0, 0]


def test_a_text_that_is_no_model_is_a_fault() -> None:
    with pytest.raises(FaultError, match="not a LightGBM model"):
        load_booster("\x80\x04pickle")
