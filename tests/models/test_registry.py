from __future__ import annotations

import dataclasses
import json
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from governance.promotion.registry_port import require_genuine
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.settings import Settings
from models.pipeline import TrainingOutputs
from models.registry import RegisteredVersion, Registry
from models.training import text_sha256
from models.version_record import OtherFormError, read_record

MODEL = "county_lines.nwrocu"
# MLflow's own queries; hidden outside of tests.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")
NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)
TRAINER = "embedded:edda"


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(home=tmp_path_factory.mktemp("registry"))


@pytest.fixture(scope="module")
def registry(settings: Settings) -> Registry:
    return Registry(settings)


@pytest.fixture(scope="module")
def registered(registry: Registry, trained: TrainingOutputs) -> RegisteredVersion:
    return registry.register(trained, TRAINER, NOW)


def test_before_anything_is_registered_there_is_no_champion_and_no_version(settings: Settings) -> None:
    registry = Registry(settings)
    assert registry.champion_version("county_lines.emsou") is None
    assert registry.versions("county_lines.emsou") == ()


def test_a_version_says_all_that_made_it(
    registry: Registry, registered: RegisteredVersion, trained: TrainingOutputs
) -> None:
    record = registry.record(MODEL, registered.version)
    assert (record.inputs, record.snapshot, record.training) == (trained.inputs, trained.snapshot, trained.training)
    assert (record.evaluation, record.code) == (trained.evaluation, trained.code)
    assert (record.trained_by, record.registered_at) == (TRAINER, NOW)


def test_the_text_is_the_one_that_was_trained_and_mlflow_can_load_it(
    registry: Registry, registered: RegisteredVersion, trained: TrainingOutputs, tmp_path: Path
) -> None:
    from mlflow.lightgbm import load_model

    assert registry.model_text(MODEL, registered.version) == trained.model_text
    folder = registry.download(MODEL, registered.version, "model", tmp_path)
    assert load_model(str(folder)).feature_name() == list(trained.training.features)
    assert not [path for path in folder.rglob("*") if path.suffix in (".pkl", ".pickle")]


def test_the_model_has_a_signature_and_the_run_its_figures_pictures_and_lock(
    registry: Registry, registered: RegisteredVersion, trained: TrainingOutputs, settings: Settings, tmp_path: Path
) -> None:
    from mlflow import MlflowClient
    from mlflow.models import Model

    folder = registry.download(MODEL, registered.version, "model", tmp_path)
    schema = Model.load(str(folder)).signature.inputs
    assert [column["name"] for column in schema.to_dict()] == list(trained.training.features)
    run = MlflowClient(tracking_uri=settings.mlflow).get_run(registered.run_id)
    figure = trained.evaluation.all_vehicles.model.average_precision
    assert run.data.metrics["all_vehicles.model.average_precision"] == figure.value
    assert run.data.tags["snapshot_sha256"] == trained.snapshot.sha256
    assert run.data.tags["commit"] == (trained.code.commit or "")
    assert len(list(registry.download(MODEL, registered.version, "plots", tmp_path).glob("*.svg"))) == 4
    lock = registry.download(MODEL, registered.version, "record", tmp_path) / "dvc.lock"
    assert lock.read_bytes() == trained.dvc_lock.read_bytes()


def test_a_new_version_is_the_challenger_and_not_the_champion(
    registry: Registry, registered: RegisteredVersion
) -> None:
    assert registry.alias(MODEL, "challenger") == registered.version
    assert registry.champion_version(MODEL) is None


def test_the_same_inputs_and_code_are_the_same_version(
    registry: Registry, registered: RegisteredVersion, trained: TrainingOutputs
) -> None:
    again = registry.register(trained, TRAINER, NOW)
    assert again == dataclasses.replace(registered, created=False)
    assert registry.find(MODEL, trained.inputs.digest, trained.code.label) == again
    assert registry.find(MODEL, trained.inputs.digest, "other code") is None


def test_registering_an_older_version_again_leaves_the_newer_challenger(
    registry: Registry, registered: RegisteredVersion, trained: TrainingOutputs
) -> None:
    wider = dataclasses.replace(trained, inputs=trained.inputs.model_copy(update={"capacity": 6}))
    newer = registry.register(wider, TRAINER, NOW)
    assert newer.created
    assert registry.alias(MODEL, "challenger") == newer.version != registered.version
    assert not registry.register(trained, TRAINER, NOW).created
    assert registry.alias(MODEL, "challenger") == newer.version


def test_the_same_inputs_and_code_with_another_model_are_refused(
    registry: Registry, registered: RegisteredVersion, trained: TrainingOutputs
) -> None:
    text = trained.model_text + " "
    training = trained.training.model_copy(update={"text_sha256": text_sha256(text)})
    with pytest.raises(RefusedError, match="made another model before"):
        registry.register(dataclasses.replace(trained, model_text=text, training=training), TRAINER, NOW)


def test_a_text_that_is_not_its_records_is_refused(settings: Settings, trained: TrainingOutputs) -> None:
    changed = dataclasses.replace(
        trained,
        model_text=trained.model_text + " ",
        inputs=trained.inputs.model_copy(update={"rocu": "yhrocu"}),
    )
    with pytest.raises(RefusedError, match="not the one that was trained"):
        Registry(settings).register(changed, TRAINER, NOW)
    assert Registry(settings).versions("county_lines.yhrocu") == ()


def test_the_signature_holds_until_a_file_is_changed(
    registry: Registry, registered: RegisteredVersion, settings: Settings
) -> None:
    registry.verify_signature(MODEL, registered.version)
    (stored,) = (settings.root / "mlflow-artifacts").rglob(f"{registered.run_id}/artifacts/model/model.lgb")
    whole = stored.read_bytes()
    stored.write_bytes(whole.replace(b"leaf_value=", b"leaf_value=9", 1))
    with pytest.raises(RefusedError):
        registry.verify_signature(MODEL, registered.version)
    stored.write_bytes(whole)


@pytest.mark.parametrize("name", ["evaluation.json", "about.json"])
def test_the_signature_covers_the_figures_and_the_trainer_that_the_gate_believes(
    registry: Registry, registered: RegisteredVersion, settings: Settings, name: str
) -> None:
    (stored,) = (settings.root / "mlflow-artifacts").rglob(f"{registered.run_id}/artifacts/record/{name}")
    whole = stored.read_bytes()
    stored.write_bytes(whole.replace(TRAINER.encode(), b"embedded:nobody") + b" ")
    with pytest.raises(RefusedError):
        registry.verify_signature(MODEL, registered.version)
    stored.write_bytes(whole)
    registry.verify_signature(MODEL, registered.version)


def test_the_champion_alias_moves_to_a_version_that_exists_only(
    registry: Registry, registered: RegisteredVersion
) -> None:
    with pytest.raises(WrongInputError, match=r"no county_lines\.nwrocu version 99"):
        registry.set_champion(MODEL, "99")
    assert registry.champion_version(MODEL) is None
    registry.set_champion(MODEL, registered.version)
    assert registry.champion_version(MODEL) == registered.version


def test_an_unknown_model_or_folder_is_wrong_input(
    registry: Registry, registered: RegisteredVersion, tmp_path: Path
) -> None:
    with pytest.raises(WrongInputError, match="version 1"):
        registry.record("county_lines.london", "1")
    with pytest.raises(WrongInputError, match="plots"):
        registry.download(MODEL, registered.version, "everything", tmp_path)


def test_nothing_that_is_registered_names_a_vehicle(
    registry: Registry, registered: RegisteredVersion, trained: TrainingOutputs, tmp_path: Path
) -> None:
    import pyarrow.parquet as pq

    vehicles = set(pq.read_table(trained.snapshot_path, columns=["vehicle"]).column(0).to_pylist())
    for what in ("model", "record", "plots"):
        for path in registry.download(MODEL, registered.version, what, tmp_path).rglob("*"):
            if path.is_file():
                text = path.read_text(encoding="utf-8")
                assert not [vehicle for vehicle in vehicles if vehicle in text], path.name


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize(
    "ask",
    [
        lambda registry: registry.versions(MODEL),
        lambda registry: registry.champion_version(MODEL),
        lambda registry: registry.set_champion(MODEL, "1"),
        lambda registry: registry.record(MODEL, "1"),
        lambda registry: registry.verify_signature(MODEL, "1"),
    ],
)
def test_a_server_that_is_not_there_is_a_fault_at_once(ask: Callable[[Registry], object], tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, mlflow_tracking_uri=f"http://127.0.0.1:{_closed_port()}")
    started = time.monotonic()
    with pytest.raises(FaultError, match="MLflow does not answer"):
        ask(Registry(settings))
    assert time.monotonic() - started < 5


def test_a_server_that_never_answers_is_a_fault_within_the_time_set(tmp_path: Path) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        uri = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = Settings(home=tmp_path, mlflow_tracking_uri=uri, mlflow_timeout_seconds=1)
        started = time.monotonic()
        with pytest.raises(FaultError, match="MLflow does not answer"):
            Registry(settings).versions(MODEL)
        assert time.monotonic() - started < 5


def test_a_database_that_is_not_there_is_a_fault_that_keeps_the_password_to_itself(tmp_path: Path) -> None:
    uri = f"postgresql://someone:secret@127.0.0.1:{_closed_port()}/mlflow"
    with pytest.raises(FaultError, match="MLflow does not answer") as caught:
        Registry(Settings(home=tmp_path, mlflow_tracking_uri=uri, mlflow_timeout_seconds=2)).versions(MODEL)
    assert "secret" not in str(caught.value)


def test_a_port_that_is_no_number_is_a_fault(tmp_path: Path) -> None:
    uri = "postgresql://someone:secret@127.0.0.1:port/mlflow"
    with pytest.raises(FaultError, match="FINDPROFILE_MLFLOW_TRACKING_URI") as caught:
        Registry(Settings(home=tmp_path, mlflow_tracking_uri=uri)).versions(MODEL)
    assert "secret" not in str(caught.value)


def test_a_setting_that_names_no_key_is_told_as_such_and_not_as_a_version_taken_away(
    settings: Settings, registered: RegisteredVersion, tmp_path: Path
) -> None:
    wrong = Registry(settings.model_copy(update={"signing_public_key": tmp_path / "nowhere.pem"}))
    with pytest.raises(WrongInputError, match="FINDPROFILE_SIGNING_PUBLIC_KEY"):
        require_genuine(wrong, MODEL, registered.version, registered.model_sha256)
    with pytest.raises(RefusedError, match="it was taken away"):
        require_genuine(Registry(settings), MODEL, "99", registered.model_sha256)


def test_the_record_is_plain_json(registry: Registry, registered: RegisteredVersion, tmp_path: Path) -> None:
    folder = registry.download(MODEL, registered.version, "record", tmp_path)
    assert json.loads((folder / "inputs.json").read_bytes())["rocu"] == "nwrocu"


def test_a_record_of_another_form_is_refused_in_words(
    registry: Registry, registered: RegisteredVersion, tmp_path: Path
) -> None:
    folder = registry.download(MODEL, registered.version, "record", tmp_path)
    assert read_record(folder, registered).version == registered.version
    before = json.loads((folder / "evaluation.json").read_bytes())
    before.pop("already_confirmed")
    (folder / "evaluation.json").write_text(json.dumps(before))
    with pytest.raises(OtherFormError, match=r"version 1 is not of the form of now: evaluation\.already_confirmed"):
        read_record(folder, registered)
