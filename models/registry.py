"""The model registry: versions with everything that made them, kept in MLflow. The only module that knows MLflow.

Every call names its run; MLflow's active run is never used. A model is LightGBM text, read as text: nothing is ever
unpickled. Belongs here: writing a version, fetching its files, the aliases. Does not: what its files say
(`version_files`), or whether an alias may move.
"""

from __future__ import annotations

import logging
import os
import platform
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from infra.errors import FaultError, RefusedError
from infra.lake import file_sha256
from infra.settings import Settings
from models.assurance.results import Assurance
from models.evaluation import Evaluation
from models.pipeline import TrainingOutputs
from models.training import text_sha256
from models.version_files import FOLDERS, MODEL_FILE, SIGNATURE, SIGNED, NoVersionError, VersionFiles
from models.version_record import (
    RegisteredVersion,
    VersionRecord,
    default_requirements,
    flat_figures,
    version_tags,
    write_record,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.store.artifact.artifact_repo import ArtifactRepository

__all__ = ["CHALLENGER", "CHAMPION", "RegisteredVersion", "Registry", "VersionRecord"]

CHAMPION = "champion"
CHALLENGER = "challenger"


class Registry(VersionFiles):
    """MLflow's registry as this product uses it. Every method raises `FaultError` when MLflow does not answer.

    Args:
        settings: Tracking URI, how long to wait, keys that sign.
    """

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._opened: MlflowClient | None = None

    @contextmanager
    def _asking(self) -> Iterator[MlflowClient]:
        """Give the client; turn MLflow's failures into this product's faults."""
        _require_answer(self._settings, opened=self._opened is not None)
        from mlflow.exceptions import MlflowException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            if self._opened is None:
                self._opened = _open_client(self._settings)
            yield self._opened
        except (MlflowException, SQLAlchemyError, ConnectionError, ValueError) as error:
            said = str(error).strip().splitlines() or [type(error).__name__]
            fault = _no_answer(self._settings)
            raise FaultError(f"{fault.reason.rstrip('.')}, or refused: {said[0][:200]}", fault.instruction) from error

    def find(self, model: str, inputs_digest: str, code: str) -> RegisteredVersion | None:
        """The version that was trained from these inputs by this code, if there is one."""
        for version in self.versions(model):
            if version.inputs_digest == inputs_digest and version.code == code:
                return version
        return None

    def versions(self, model: str) -> tuple[RegisteredVersion, ...]:
        """All versions of a model, oldest first; none if there is no such model."""
        with self._asking() as client:
            found = list(client.search_model_versions(f"name='{_plain(model)}'"))
            return tuple(_registered(version) for version in sorted(found, key=lambda version: int(version.version)))

    def register(
        self,
        outputs: TrainingOutputs,
        trained_by: str,
        now: datetime,
        pip_requirements: Sequence[str] | None = None,
        assurance: Assurance | None = None,
    ) -> RegisteredVersion:
        """Register what a training run left, signed, and make it the challenger.

        The same inputs and code give the same version again, and do not take the alias from a newer one. A run that was
        stopped before its version was made is never seen by a reader.

        Args:
            outputs: Of `run_training`.
            trained_by: Subject of the verified identity that trained.
            now: Time of the registration.
            pip_requirements: What reading the model needs; by default LightGBM and NumPy as installed here.
            assurance: What was tried on the run, for the record.

        Raises:
            RefusedError: The same inputs and code gave another model before.
        """
        model, code = outputs.inputs.model, outputs.code.label
        known = self.find(model, outputs.inputs.digest, code)
        if known is None:
            with tempfile.TemporaryDirectory() as temporary, self._asking() as client:
                root = Path(temporary) / SIGNED
                self._write(root, outputs, trained_by, now, pip_requirements or default_requirements(), assurance)
                known = self._create(client, root, outputs, trained_by)
        elif known.model_sha256 != outputs.training.text_sha256:
            raise RefusedError(
                f"The same inputs and code made another model before ({model} version {known.version}).",
                "Reproduce that version, and find out what differs before training again.",
            )
        challenger = self.alias(model, CHALLENGER)
        if challenger is None or int(challenger) < int(known.version):
            self._alias(model, CHALLENGER, known.version)
        return known

    def _write(
        self,
        root: Path,
        outputs: TrainingOutputs,
        trained_by: str,
        now: datetime,
        requirements: Sequence[str],
        assurance: Assurance | None,
    ) -> None:
        from infra.signing import sign_folder

        for name in FOLDERS:
            (root / name).mkdir(parents=True)
        _write_model(root / "model", outputs, requirements)
        for plot in outputs.plots:
            (root / "plots" / plot.name).write_bytes(plot.read_bytes())
        write_record(root / "record", outputs, trained_by, now, assurance)
        # all of it: the gate believes the record's figures, and its trainer may not approve
        sign_folder(self._settings, root, root / "signature" / SIGNATURE)

    def _create(self, client: MlflowClient, root: Path, outputs: TrainingOutputs, trained_by: str) -> RegisteredVersion:
        model = outputs.inputs.model
        tags = version_tags(outputs, trained_by, file_sha256(root / "record" / "dvc.lock"))
        run_id = client.create_run(self._experiment(client, model), tags=tags, run_name=tags["run"]).info.run_id
        if embedded := self._embedded_files(model, run_id):
            embedded.log_artifacts(str(root))
        else:
            client.log_artifacts(run_id, str(root))
        client.log_batch(run_id, metrics=_metrics(outputs.evaluation), params=_params(outputs))
        client.set_terminated(run_id)
        if not _known_model(client, model):
            client.create_registered_model(model)
        made = client.create_model_version(model, source=f"runs:/{run_id}/model", run_id=run_id, tags=tags)
        return _registered(made, created=True)

    def _experiment(self, client: MlflowClient, model: str) -> str:
        experiment = client.get_experiment_by_name(model)
        if experiment is not None:
            return str(experiment.experiment_id)
        location = self._embedded_folder(model).as_uri() if self._is_embedded else None
        return str(client.create_experiment(model, artifact_location=location))

    @property
    def _is_embedded(self) -> bool:
        return self._settings.mlflow.startswith("sqlite:")

    def _embedded_folder(self, model: str) -> Path:
        return self._settings.root / "mlflow-artifacts" / model

    def _embedded_files(self, model: str, run_id: str) -> ArtifactRepository | None:
        """The files of a run of the embedded registry, none on a server.

        They lie in the home, wherever that was moved or restored to: MLflow's database has the folder of when the
        first version was made.
        """
        from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

        if not self._is_embedded:
            return None
        return get_artifact_repository((self._embedded_folder(model) / run_id / "artifacts").as_uri())

    def champion_version(self, model: str) -> str | None:
        """The version that the alias `champion` names. The alias only shows what the audit log says."""
        return self.alias(model, CHAMPION)

    def alias(self, model: str, alias: str) -> str | None:
        """The version that an alias names; `None` if there is no such model or alias."""
        with self._asking() as client:
            if not _known_model(client, model):
                return None
            version = client.get_registered_model(model).aliases.get(alias)
        return None if version is None else str(version)

    def set_champion(self, model: str, version: str) -> None:
        """Move the alias `champion`; whoever calls this has the approval.

        Raises:
            WrongInputError: There is no such version.
        """
        self._find(model, version)
        self._alias(model, CHAMPION, version)

    def remove_champion(self, model: str) -> None:
        """Take the alias `champion` away; whoever calls this has the log to say that there is no champion."""
        with self._asking() as client:
            client.delete_registered_model_alias(model, CHAMPION)

    def _alias(self, model: str, alias: str, version: str) -> None:
        with self._asking() as client:
            client.set_registered_model_alias(model, alias, version)

    def _find(self, model: str, version: str) -> RegisteredVersion:
        for known in self.versions(model):
            if known.version == str(version):
                return known
        raise NoVersionError(
            f"The registry has no {model} version {version}.", "findprofile models list shows those that there are."
        )

    def _fetch(self, model: str, version: str, what: str, target: Path) -> Path:
        known = self._find(model, version)
        with self._asking() as client:
            self._require_own_place(known, client.get_run(known.run_id).info.artifact_uri)
            if embedded := self._embedded_files(model, known.run_id):
                self._require_there(known)
                return Path(embedded.download_artifacts(what, str(target)))
            return Path(client.download_artifacts(known.run_id, what, str(target)))

    def _require_there(self, version: RegisteredVersion) -> None:
        folder = self._embedded_folder(version.model) / version.run_id
        if not folder.is_dir():
            raise RefusedError(
                f"The files of {version.model} version {version.version} are not where the registry keeps them:"
                f" {folder}.",
                "Put the folder back from a back-up. Without it nobody can use this version: findprofile promote"
                " rollback or suspend takes it out of use.",
            )

    def _require_own_place(self, version: RegisteredVersion, uri: str) -> None:
        """Ask no other machine for files because MLflow's database says so."""
        own = ("mlflow-artifacts",) if self._settings.mlflow.startswith("http") else ("file", "")
        scheme = urlsplit(uri).scheme
        if scheme not in own:
            raise RefusedError(
                f"MLflow says that the files of {version.model} version {version.version} are at a place of the kind"
                f" {scheme}, where this product puts none.",
                "Tell governance: somebody changed MLflow's database. Put it back from a backup.",
            )


def _known_model(client: MlflowClient, model: str) -> bool:
    return bool(client.search_registered_models(f"name='{_plain(model)}'"))


def _plain(name: str) -> str:
    return name.replace("'", "")


def _registered(version: Any, created: bool = False) -> RegisteredVersion:
    return RegisteredVersion(
        model=version.name,
        version=str(version.version),
        run_id=version.run_id,
        model_sha256=version.tags.get("model_sha256", ""),
        inputs_digest=version.tags.get("inputs_digest", ""),
        code=version.tags.get("code", ""),
        created=created,
    )


def _write_model(folder: Path, outputs: TrainingOutputs, requirements: Sequence[str]) -> None:
    """An MLflow model folder around the text.

    By hand: MLflow's own way loads the model to look at it, and imports agents and chat types that warn on import.
    """
    from mlflow.models import Model, ModelSignature
    from mlflow.types import ColSpec, Schema

    if text_sha256(outputs.model_text) != outputs.training.text_sha256:
        raise RefusedError(
            "The model's text in the workspace is not the one that was trained.",
            "Remove the workspace and train again.",
        )
    schema = Schema([ColSpec("double", name) for name in outputs.training.features])
    described = Model(
        artifact_path="model",
        signature=ModelSignature(inputs=schema, outputs=Schema([ColSpec("double", "score")])),
        metadata={"model_sha256": outputs.training.text_sha256, "inputs_digest": outputs.inputs.digest},
    )
    version = outputs.training.lightgbm_version
    described.add_flavor("lightgbm", lgb_version=version, data=MODEL_FILE, model_class="lightgbm.basic.Booster")
    described.add_flavor(
        "python_function",
        loader_module="mlflow.lightgbm",
        data=MODEL_FILE,
        python_version=platform.python_version(),
        env={"virtualenv": "python_env.yaml"},
    )
    described.save(str(folder / "MLmodel"))
    (folder / MODEL_FILE).write_text(outputs.model_text, encoding="utf-8")
    (folder / "requirements.txt").write_text("\n".join(requirements) + "\n", encoding="utf-8")
    environment = {"python": platform.python_version(), "dependencies": ["-r requirements.txt"]}
    (folder / "python_env.yaml").write_text(yaml.safe_dump(environment), encoding="utf-8")


def _metrics(evaluation: Evaluation) -> list[Any]:
    from mlflow.entities import Metric

    figures = flat_figures(evaluation)
    return [Metric(name, value, 0, 0) for name, value in sorted(figures.items())]


def _params(outputs: TrainingOutputs) -> list[Any]:
    from mlflow.entities import Param

    values = outputs.inputs.training.model_dump() | {"capacity": outputs.inputs.capacity}
    return [Param(name, str(value)) for name, value in sorted(values.items())]


def _require_answer(settings: Settings, opened: bool) -> None:
    """Ask once whether anybody is there, before MLflow is imported; it would go on trying for minutes."""
    if opened:
        return
    _quieten(settings)
    try:
        if settings.mlflow.startswith("http"):
            import httpx

            url = f"{settings.mlflow.rstrip('/')}/health"
            try:
                httpx.get(url, timeout=settings.mlflow_timeout_seconds, trust_env=False).raise_for_status()
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                raise ConnectionError(str(error)) from error
        elif settings.mlflow.startswith("postgres"):
            _require_database(settings)
    except ConnectionError as error:
        raise _no_answer(settings) from error


def _require_database(settings: Settings) -> None:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError

    try:
        engine = create_engine(_address(settings), connect_args={"connect_timeout": settings.mlflow_timeout_seconds})
        try:
            engine.connect().close()
        finally:
            engine.dispose()
    except (SQLAlchemyError, ValueError) as error:
        # a port that is no number is a ValueError
        raise ConnectionError(type(error).__name__) from error


def _quieten(settings: Settings) -> None:
    # MLflow takes these from the environment alone, some of them when it is imported.
    os.environ.update(
        MLFLOW_DISABLE_TELEMETRY="true",
        MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR="false",
        MLFLOW_HTTP_REQUEST_MAX_RETRIES="1",
        MLFLOW_HTTP_REQUEST_TIMEOUT=str(settings.mlflow_timeout_seconds),
    )
    _hush()


def _hush() -> None:
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _open_client(settings: Settings) -> MlflowClient:
    from mlflow import MlflowClient

    _hush()  # again, for MLflow sets its own level when it is imported
    settings.root.mkdir(parents=True, exist_ok=True)
    return MlflowClient(tracking_uri=_address(settings), registry_uri=_address(settings))


def _address(settings: Settings) -> str:
    """Where MLflow is; a PostgreSQL URL without a driver means the driver that is installed, psycopg 3."""
    scheme, mark, rest = settings.mlflow.partition("://")
    return f"postgresql+psycopg{mark}{rest}" if scheme in ("postgres", "postgresql") else settings.mlflow


def _no_answer(settings: Settings) -> FaultError:
    where = settings.mlflow.rsplit("@", 1)[-1]
    return FaultError(
        f"MLflow does not answer at {where}.", "Start it, or correct FINDPROFILE_MLFLOW_TRACKING_URI, and try again."
    )
