"""Who trained a version, and as what, by the audit log: what the gate believes is what was registered then.

The signed record says who trained and with which figures, but whoever has the key that signs can sign another. The
entry of the training names the signature that the version got. Belongs here: writing that down, holding a version
against it, and whether its rows are still made by the code that it was trained with. Does not: the signature itself
(infra.signing), or what the figures must be (the gate).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from infra.errors import RefusedError

if TYPE_CHECKING:
    from flows.context import Context
    from governance.audit.log import Row
    from models.assurance.results import Assurance
    from models.pipeline import TrainingOutputs
    from models.registry import RegisteredVersion, Registry
    from models.version_files import VerifiedVersion

_SIGNATURE = "signature_sha256"


def signature_for_the_log(
    context: Context,
    registry: Registry,
    version: RegisteredVersion,
    outputs: TrainingOutputs,
    tried: Assurance | None,
) -> str:
    """What the entry of this training says of the version's signature.

    A version that was registered before must be as the log has it; if an earlier call was killed before its entry, the
    version must say what this run found in every file of its record, and be of the same person.

    Raises:
        RefusedError: It is not: the version was signed anew, or somebody else began it and has to finish it.
    """
    found = registry.signature_sha256(version.model, version.version)
    known = _signatures(context, version)
    if version.created or found in known:
        return found
    if known or tried is None or not _says(registry, version, outputs, tried):
        raise _not_as_trained(
            version.model, version.version, "its record or its signature is another than this training gives"
        )
    begun_by = registry.record(version.model, version.version).trained_by
    if begun_by != context.identity.subject:
        raise RefusedError(
            f"{version.model} version {version.version} was begun by {begun_by} and never entered in the audit log:"
            " that training was killed, or its entry is lost.",
            f"Have {begun_by} type the same findprofile retrain again, which finishes it; if they cannot, train as of"
            " another date, which makes a version of its own.",
        )
    return found


def is_as_logged(context: Context, registry: Registry, version: RegisteredVersion) -> bool:
    """Whether the log has the training of a version with the signature that it has."""
    return registry.signature_sha256(version.model, version.version) in _signatures(context, version)


def _signatures(context: Context, version: RegisteredVersion) -> set[str]:
    rows = _trainings(context, version.model, version.version)
    return {row.details[_SIGNATURE] for row in rows if row.details.get(_SIGNATURE)}


def require_as_trained(context: Context, version: VerifiedVersion) -> None:
    """Refuse a version whose record is not the one with which it was registered, by the log.

    Raises:
        RefusedError: Nobody trained this text as this version, the record names somebody else, or it was signed anew.
    """
    record = version.record
    rows = [
        row
        for row in _trainings(context, record.model, record.version)
        if row.details.get("model_sha256") == record.model_sha256
    ]
    if not rows:
        raise _not_as_trained(record.model, record.version, "the audit log has no training of it with this text")
    if record.trained_by not in {row.actor for row in rows}:
        raise _not_as_trained(record.model, record.version, "its record names another trainer than the audit log has")
    signed = {row.details[_SIGNATURE] for row in rows if _SIGNATURE in row.details}
    # an entry from before signatures were kept says nothing about them
    if signed and version.signature_sha256 not in signed:
        raise _not_as_trained(record.model, record.version, "it was signed anew since it was trained")


def code_of_rows(context: Context, model: str, version: str) -> str:
    """Whether rows are made by the pattern's code with which the version was trained and tested, for the log.

    A release may change it under a champion that stands; that is told, and no reason to score nothing.

    Raises:
        FaultError: The registry does not answer.
    """
    from models.pattern_code import pattern_code_digest
    from models.registry import Registry
    from models.version_record import OtherFormError

    try:
        record = Registry(context.settings).record(model, version)
    except OtherFormError:
        return "not on record"
    if record.definition is None:
        return "not on record"
    if record.definition.pattern_code == pattern_code_digest(record.inputs.pattern):
        return "as it was trained with"
    context.progress(
        f"the code that makes the rows is not the one that {model} version {version} was trained and tested with:"
        " train a new version and have it judged"
    )
    return "another than it was trained with"


def _says(registry: Registry, version: RegisteredVersion, outputs: TrainingOutputs, tried: Assurance) -> bool:
    """Whether text and record are, file by file, what this run found, and signed so."""
    from models.training import text_sha256
    from models.version_files import MODEL_FILE
    from models.version_record import is_record_of

    with registry.verified_files(version.model, version.version) as folder:
        text = (folder / "model" / MODEL_FILE).read_text("utf-8")
        return text_sha256(text) == outputs.training.text_sha256 and is_record_of(folder / "record", outputs, tried)


def _trainings(context: Context, model: str, version: str) -> tuple[Row, ...]:
    rocu = frozenset({model.partition(".")[2]})
    rows = context.audit.search(rocus=rocu, action="retrain", object=model, outcome="done", limit=None)
    return tuple(row for row in rows if row.details.get("version") == version)


def _not_as_trained(model: str, version: str, why: str) -> RefusedError:
    return RefusedError(
        f"{model} version {version} is not what was registered when it was trained: {why}.",
        "Do not use it; train another with findprofile retrain, and tell governance.",
    )
