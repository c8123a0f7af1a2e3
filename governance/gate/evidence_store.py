"""Keeps evidence as a file beside the log, named by its digest; what is read back must still have that digest."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from governance.gate.evidence import Evidence
from infra.errors import RefusedError
from infra.lake import Lake, write_text


def evidence_path(lake: Lake, rocu: str, model: str, version: str, digest: str) -> Path:
    """Where a piece of evidence lies."""
    return lake.folder("records", rocu, model=model, version=version) / f"evidence-{digest}.json"


def store_evidence(lake: Lake, evidence: Evidence) -> str:
    """Keep evidence; gives its digest. The same evidence again changes nothing."""
    digest = evidence.digest
    path = evidence_path(lake, evidence.rocu, evidence.model, evidence.version, digest)
    if not path.exists() or path.read_text(encoding="utf-8") != evidence.to_json():
        write_text(path, evidence.to_json())
    return digest


def load_evidence(lake: Lake, rocu: str, model: str, version: str, digest: str) -> Evidence:
    """Evidence as it was when it was judged.

    Raises:
        RefusedError: It is gone, or was edited since.
    """
    path = evidence_path(lake, rocu, model, version, digest)
    try:
        evidence = Evidence.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        evidence = None
    except (ValidationError, UnicodeDecodeError):
        raise _edited(model, version) from None
    if evidence is None:
        raise RefusedError(
            f"The evidence about {model} version {version} is gone.", "Restore it from a backup, or request again."
        )
    if evidence.digest != digest:
        raise _edited(model, version)
    return evidence


def _edited(model: str, version: str) -> RefusedError:
    return RefusedError(
        f"The evidence about {model} version {version} was edited after the gate judged it.",
        "Request the promotion again, so that the gate judges evidence as it is.",
    )
