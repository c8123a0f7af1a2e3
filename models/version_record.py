"""What is written down about a model version, as files and tags; the registry only carries them.

Holds digests, settings and figures, never a row about a vehicle. Does not belong here: MLflow.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from infra.clock import utc_now
from infra.errors import RefusedError
from infra.lake import file_sha256
from models.assurance.results import Assurance
from models.code_state import CodeState
from models.definition import Definition, define
from models.evaluation import Evaluation
from models.inputs import TrainingInputs
from models.pipeline import TrainingOutputs
from models.snapshot import SnapshotRecord
from models.training import TrainingRecord

_PARTS = ("inputs", "code", "snapshot", "training", "evaluation")
_ASSURANCE = "assurance.json"
_DEFINITION = "definition.json"
_ABOUT = "about.json"


@dataclass(frozen=True)
class RegisteredVersion:
    """A version in the registry. `created` is false when these inputs and this code were registered before."""

    model: str
    version: str
    run_id: str
    model_sha256: str
    inputs_digest: str
    code: str
    created: bool = False


class VersionRecord(BaseModel):
    """Everything written down about a version. `trained_by` is the subject of a verified identity.

    `assurance` is `None` for a version that was registered without trials; the gate refuses it. `definition` is `None`
    for one from before definitions were written down; a comparison with it needs the full board.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    version: str
    run_id: str
    registered_at: datetime
    trained_by: str
    model_sha256: str
    inputs: TrainingInputs
    code: CodeState
    snapshot: SnapshotRecord
    training: TrainingRecord
    evaluation: Evaluation
    dvc_lock_sha256: str
    assurance: Assurance | None = None
    definition: Definition | None = None


def write_record(
    folder: Path, outputs: TrainingOutputs, trained_by: str, now: datetime, assurance: Assurance | None = None
) -> None:
    """Write the record of a run: a JSON file per part, trials, definition, the `dvc.lock`, and who trained it when."""
    (folder / "dvc.lock").write_bytes(outputs.dvc_lock.read_bytes())
    (folder / "inputs.json").write_text(outputs.inputs.to_json(), encoding="utf-8")
    for name in _PARTS[1:]:
        part: BaseModel = getattr(outputs, name)
        (folder / f"{name}.json").write_text(part.model_dump_json(indent=1) + "\n", encoding="utf-8")
    if assurance is not None:
        (folder / _ASSURANCE).write_text(assurance.model_dump_json(indent=1) + "\n", encoding="utf-8")
    definition = define(outputs.inputs.pattern)
    (folder / _DEFINITION).write_text(definition.model_dump_json(indent=1) + "\n", encoding="utf-8")
    about = {"trained_by": trained_by, "registered_at": now.isoformat(), "seconds": outputs.seconds}
    (folder / _ABOUT).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def is_record_of(folder: Path, outputs: TrainingOutputs, assurance: Assurance) -> bool:
    """Whether a record says, to the byte, what a run found; who trained when, and how long it took, are left out."""
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        write_record(made, outputs, "", utc_now(), assurance)
        return _contents(folder) == _contents(made)


def _contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file() and path.name != _ABOUT)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


class OtherFormError(RefusedError):
    """A record that this release cannot read: it was written by another, or by hand."""


def read_record(folder: Path, version: RegisteredVersion) -> VersionRecord:
    """Read the record of a version from its folder.

    Raises:
        OtherFormError: It has not the form of now.
    """
    try:
        return VersionRecord.model_validate(_said(folder, version))
    except ValidationError as error:
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc']))}: {first['msg'].lower()}"
        raise _other_form(version, what) from error
    except FileNotFoundError as error:
        raise _other_form(version, f"{Path(error.filename).name} is missing") from error
    except (ValueError, LookupError, TypeError) as error:
        raise _other_form(version, "a file of it is no JSON, or says something else") from error


def _said(folder: Path, version: RegisteredVersion) -> dict[str, Any]:
    parts = {name: json.loads((folder / f"{name}.json").read_bytes()) for name in _PARTS}
    about = json.loads((folder / _ABOUT).read_bytes())
    tried, defined = folder / _ASSURANCE, folder / _DEFINITION
    return parts | {
        "model": version.model,
        "version": version.version,
        "run_id": version.run_id,
        "registered_at": about["registered_at"],
        "trained_by": about["trained_by"],
        "model_sha256": version.model_sha256,
        "dvc_lock_sha256": file_sha256(folder / "dvc.lock"),
        "assurance": json.loads(tried.read_bytes()) if tried.is_file() else None,
        "definition": json.loads(defined.read_bytes()) if defined.is_file() else None,
    }


def _other_form(version: RegisteredVersion, what: str) -> OtherFormError:
    return OtherFormError(
        f"The record of {version.model} version {version.version} is not of the form of now: {what}.",
        "Train a new version and have it judged, or look at this one with the release that made it.",
    )


def default_requirements() -> tuple[str, ...]:
    """What reading a model's text needs, as installed here."""
    from importlib.metadata import version

    return tuple(f"{name}=={version(name)}" for name in ("lightgbm", "numpy"))


def version_tags(outputs: TrainingOutputs, trained_by: str, dvc_lock: str) -> dict[str, str]:
    """What a version can be found by and is held against: digests, settings, code, trainer."""
    inputs = outputs.inputs
    return {
        "run": f"{inputs.model} as of {inputs.as_of.isoformat()}",
        "rocu": inputs.rocu,
        "pattern": inputs.pattern,
        "as_of": inputs.as_of.isoformat(),
        "inputs_digest": inputs.digest,
        "snapshot_sha256": outputs.snapshot.sha256,
        "model_sha256": outputs.training.text_sha256,
        "dvc_lock_sha256": dvc_lock,
        "contract_versions": ", ".join(inputs.contract_versions),
        "policy_digest": inputs.policy_digest,
        "code": outputs.code.label,
        "commit": outputs.code.commit or "",
        "dirty": str(outputs.code.dirty).lower(),
        "trained_by": trained_by,
    }


def flat_figures(evaluation: Evaluation) -> dict[str, float]:
    """Every figure and interval end that exists, by its dotted name; a figure's own value has the bare name."""
    figures: dict[str, float] = {}
    for population in ("all_vehicles", "reviewed", "not_yet_known"):
        for name, value in _flat(getattr(evaluation, population).model_dump()):
            if name.endswith((".value", ".low", ".high")) and value is not None:
                figures[f"{population}.{name.removesuffix('.value')}"] = float(value)
    return figures


def _flat(values: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
