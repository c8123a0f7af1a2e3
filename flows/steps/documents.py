"""Makes the documents of a version from registry, evidence, policy and audit log; opening them is recorded."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from flows.context import Context, acting
from flows.steps.results import StepResult
from infra.errors import RefusedError
from infra.lake import write_text

if TYPE_CHECKING:
    from governance.documents.source import Source
    from governance.gate.evidence import Evidence
    from governance.policy.document import RocuPolicy
    from models.registry import VersionRecord


class DocumentRow(BaseModel):
    """One document as it was written."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    html: Path
    json_file: Path
    sha256: str
    fields: int
    missing: tuple[str, ...]


class Documents(StepResult):
    """The documents of a version."""

    model: str
    version: int
    folder: Path
    documents: tuple[DocumentRow, ...]

    def summary(self) -> dict[str, str | int | float]:
        """What is missing in each."""
        return {
            "model": f"{self.model} version {self.version}",
            **{one.name: f"{len(one.missing)} of {one.fields} fields missing" for one in self.documents},
        }

    def links(self) -> dict[str, Path]:
        """The pages."""
        return {one.name: one.html for one in self.documents}


def write_documents(context: Context, model: str, version: int, out: Path | None) -> Documents:
    """Make all documents of a version and write each as HTML and JSON.

    Args:
        context: Who asks.
        model: `<pattern>.<rocu>`.
        version: The version.
        out: Where to; beside the region's other pages if not given.

    Raises:
        WrongInputError: There is no such version.
        RefusedError: No permission, the record's signature does not hold, or the evidence was edited; the log has it.
        FaultError: The registry does not answer.
    """
    from governance.documents import documents_of
    from governance.pages.render import render_document
    from governance.promotion.registry_port import split_model

    rocu = split_model(model)[1]
    with acting(context, "documents.read", rocu, "consultation", f"{model}/{version}") as details:
        source = _source(context, model, version)
        folder = out or context.lake.folder("pages", rocu, model=model, version=str(version))
        written = []
        for document in documents_of(source):
            name = document.kind.replace(" ", "-")
            html, data = folder / f"{name}.html", folder / f"{name}.json"
            write_text(data, document.to_json())
            write_text(html, render_document(document))
            details[name] = document.sha256
            written.append(
                DocumentRow(
                    name=document.kind,
                    html=html,
                    json_file=data,
                    sha256=document.sha256,
                    fields=document.fields,
                    missing=document.missing,
                )
            )
    return Documents(model=model, version=version, folder=folder, documents=tuple(written))


def region_name(record: VersionRecord) -> str:
    """The name of a version's region, as it was when it was trained."""
    from data_contracts.registers.regions import require_rocu

    return require_rocu(record.inputs.rocu, record.inputs.as_of).name


def _source(context: Context, model: str, version: int) -> Source:
    from governance.documents.source import Source
    from models.registry import Registry

    record = Registry(context.settings).verified(model, str(version)).record
    evidence = _evidence(context, record)
    return Source(
        record=record,
        region=region_name(record),
        policy=_policy(context, record, evidence),
        evidence=evidence,
        entries=context.audit.entries(model),
    )


def _evidence(context: Context, record: VersionRecord) -> Evidence | None:
    """What the latest gate judged; none if the version was never asked for."""
    from governance.gate.evidence_store import load_evidence
    from governance.promotion.state import model_state

    found = model_state(context.audit, record.model).versions.get(record.version)
    if found is None:
        return None
    return load_evidence(context.lake, record.inputs.rocu, record.model, record.version, found.gate.evidence_digest)


def _policy(context: Context, record: VersionRecord, evidence: Evidence | None) -> RocuPolicy | None:
    """The policy that judged it, by its digest; the one in force if none did."""
    from flows.steps.desk import policy_of
    from governance.policy.document import known_policies

    rocu = record.inputs.rocu
    if evidence is None:
        try:
            return policy_of(context, rocu).policy
        except RefusedError:
            return None
    return next((one for one in known_policies(context.lake, rocu) if one.digest == evidence.policy_digest), None)
