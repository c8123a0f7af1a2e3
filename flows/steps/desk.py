"""What several steps open: the registry, the desk where decisions are taken, the policy in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flows.context import record
from infra.clock import utc_now
from infra.errors import FaultError, RefusedError, WrongInputError
from infra.lake import exclusive, file_sha256

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from datetime import date

    from data_contracts.layers.manifests import PartRef
    from data_contracts.layers.placing import Record, Witness
    from data_contracts.registers.cameras import RegisterRef
    from flows.context import Context
    from governance.lineage.events import DatasetRef
    from governance.lineage.on_record import Kind
    from governance.policy.document import LoadedPolicy
    from governance.promotion.record import Desk


def open_desk(context: Context) -> Desk:
    """Log, lake and registry together."""
    from governance.promotion.record import Desk
    from models.registry import Registry

    return Desk(context.audit, context.lake, Registry(context.settings), utc_now)


def policy_of(context: Context, rocu: str) -> LoadedPolicy:
    """The policy in force for a ROCU, by an audit log that holds.

    Raises:
        WrongInputError: There is no such ROCU.
        RefusedError: The log does not hold; the stored policy was changed, or is not the one that was loaded last.
            It is recorded.
        FaultError: The stored policy is gone. It is recorded.
    """
    from data_contracts.registers.regions import require_rocu
    from governance.audit.log import Entry
    from governance.policy.document import load_policy, stored_sha256
    from governance.policy.in_force import file_in_force

    require_rocu(rocu, context.now.date())
    try:
        context.audit.require_intact(utc_now())
        in_force = file_in_force(context.audit, rocu)
        _require_loaded(rocu, stored_sha256(context.lake, rocu), in_force)
        loaded = load_policy(context.lake, rocu)
        # what was read counts, not what lay there a moment before
        _require_loaded(rocu, loaded.file_sha256, in_force)
        return loaded
    except (RefusedError, FaultError) as error:
        entry = Entry.by(
            context.identity,
            action="policy.use",
            operation="consultation",
            rocu=rocu,
            object=f"policy of {rocu}",
            outcome="refused" if isinstance(error, RefusedError) else "failed",
            details={"reason": error.reason},
        )
        record(context.audit, entry)
        raise


def _require_loaded(rocu: str, found: str, in_force: str) -> None:
    """Refuse a policy that nobody put in force by the rules: the audit log is the authority, the lake only follows."""
    if found != in_force:
        raise RefusedError(
            f"The policy of {rocu} in the lake is not the one that the audit log says was loaded.",
            f"Have governance load it again: findprofile policy load --rocu {rocu} FILE.",
        )


def require_no_failure(context: Context, rocu: str, first: date, last: date) -> None:
    """Refuse while a failed batch of these days stands.

    Raises:
        RefusedError: Names the batches.
    """
    from data_contracts.layers.reads import standing_failures
    from flows.steps.remedy import remedy

    standing = standing_failures(context.lake, rocu, first, last)
    if standing:
        named = ", ".join(batch.batch_id for batch in standing)
        raise RefusedError(
            f"{rocu} has failed batches for {first} to {last} that nothing has replaced: {named}.",
            remedy(rocu, standing),
        )


def witness_records(context: Context) -> Witness:
    """Who brings records in puts each on record in the audit log, before and after it is placed."""
    from governance.lineage.on_record import witness_of

    return witness_of(context.audit, context.identity, utc_now, context.lake)


def require_layer_brought(context: Context, kind: Kind, rocu: str) -> tuple[Record, ...]:
    """Before records are added: refuse a layer that is not as the log has it, and log as placed what a kill left.

    Returns:
        The records that a kill left without that entry; they may have no lineage.

    Raises:
        RefusedError: Names records and parts.
        FaultError: Another process is at work on the ROCU.
    """
    from governance.lineage.on_record import complete_record

    require_brought(context, kind, rocu, ())
    settings = context.settings

    def held() -> AbstractContextManager[None]:
        lock = settings.root / "locks" / f"{rocu}.lock"
        return exclusive(lock, f"the data of {rocu}", settings.lock_wait_s, context.progress)

    return complete_record(context.audit, context.lake, kind, rocu, context.identity, utc_now, held)


def require_brought(context: Context, kind: Kind, rocu: str, parts: Sequence[PartRef]) -> None:
    """Refuse parts of reads or findings that nothing on record in the audit log brought; the log holds.

    Raises:
        RefusedError: Names records and parts.
    """
    from governance.lineage.on_record import require_on_record

    require_on_record(context.audit, context.lake, kind, rocu, parts)


def loading_register(context: Context, rocu: str) -> AbstractContextManager[None]:
    """Held from before a register is placed until the log has it, so that one is loaded upon the other."""
    lock = context.settings.root / "locks" / f"{rocu}.cameras.lock"
    return exclusive(lock, f"the camera register of {rocu}", context.settings.lock_wait_s, context.progress)


def register_of(context: Context, rocu: str) -> RegisterRef:
    """The camera register that holds now, which is the one that was loaded last by the audit log; the log holds.

    Raises:
        WrongInputError: The ROCU has no camera register.
        RefusedError: The lake has another than the log, or none.
        FaultError: The register's record is damaged, or somebody has been loading a register for too long.
    """
    from data_contracts.registers.cameras import current_register
    from governance.lineage.loaded_register import require_loaded_register

    def held() -> RegisterRef:
        try:
            register = current_register(context.lake, rocu)
        except WrongInputError:
            require_loaded_register(context.audit, rocu, None)
            raise
        require_loaded_register(context.audit, rocu, register.digest)
        return register

    try:
        return held()
    except RefusedError:
        # somebody may have placed one whose entry comes in a moment
        with loading_register(context, rocu):
            return held()


def require_register(context: Context, rocu: str, digest: str | None) -> None:
    """Refuse if what was made rests on another register than the one that was loaded last, by its digest.

    Raises:
        RefusedError: The audit log has another.
    """
    from governance.lineage.loaded_register import require_loaded_register

    require_loaded_register(context.audit, rocu, digest)


def require_parts_unchanged(context: Context, parts: Sequence[PartRef]) -> None:
    """Refuse parts of the lake whose content is not what the ingest record says.

    Raises:
        RefusedError: Names the first part that is missing or changed.
    """
    for part in parts:
        path = context.lake.root / part.path
        if not path.is_file() or file_sha256(path) != part.sha256:
            raise RefusedError(
                f"{part.path} is missing or was changed after it was ingested.",
                "Restore it from a backup; nothing is made from it until then.",
            )


def part_datasets(parts: Sequence[PartRef]) -> tuple[DatasetRef, ...]:
    """Parts of the lake as the lineage names them."""
    from governance.lineage.events import DatasetRef

    return tuple(
        DatasetRef(
            layer=part.layer,
            digest=part.sha256,
            name=part.path,
            rows=part.rows,
            date=part.date.isoformat() if part.date else None,
        )
        for part in parts
    )
