"""Reading the whole audit log against its own hashes and against the signatures of its rows and head.

Belongs here: the walk and the witness check. Does not: what kind of change a break shows (audit_chain).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, or_, select

from governance.audit_chain import Problem, explain_break, row_digest
from governance.audit_head import Head, HeadFile
from governance.audit_keys import AuditKeys, is_signed
from governance.audit_tables import CHAIN_START, COLUMNS, audit_log, is_protected
from infra.errors import RefusedError

_STREAM_ROWS = 10_000
_UNSIGNED = "Row {seq} of the audit log is not signed by a trusted key."


@dataclass(frozen=True)
class VerifyReport:
    """What verification found: the rows read, the last hash, and the first problem if there is one."""

    rows: int
    head: str
    problem: Problem | None

    @property
    def intact(self) -> bool:
        """Whether nothing is wrong."""
        return self.problem is None


def verify_log(connection: Connection, head: HeadFile | None) -> VerifyReport:
    """Read every row, then the head, the signatures and the database's rules; name the first thing that is wrong.

    Signatures are computed only beyond the head: up to it the head's own signature covers the chain.
    """
    # the head is read before the rows: what others append meanwhile lies beyond it
    seen, unreadable = _seen(head)
    rows, last_hash, problem = _walk(connection)
    problem = problem or unreadable or _head_problem(connection, head, seen, rows)
    problem = problem or _signature_problem(connection, head, seen)
    if problem is None and not is_protected(connection):
        problem = Problem(rows, "unprotected", "The database has lost a rule that keeps the audit log append-only.")
    return VerifyReport(rows, last_hash, problem)


def _seen(head_file: HeadFile | None) -> tuple[Head | None, Problem | None]:
    try:
        return (head_file.read() if head_file is not None else None), None
    except RefusedError as refusal:
        return None, Problem(0, "cut off", refusal.reason)


def _head_problem(connection: Connection, head_file: HeadFile | None, seen: Head | None, rows: int) -> Problem | None:
    if head_file is None:
        return None
    try:
        _require_head(connection, seen, rows)
    except RefusedError as refusal:
        return Problem(rows, "cut off" if seen else "unwitnessed", refusal.reason)
    return None


def last_link(connection: Connection) -> tuple[int, str]:
    """The seq and hash of the last row; seq 0 for an empty log."""
    found = connection.execute(
        select(audit_log.c.seq, audit_log.c.hash).order_by(audit_log.c.seq.desc()).limit(1)
    ).first()
    return (found[0], found[1]) if found else (0, CHAIN_START)


def first_unsigned(connection: Connection, keys: AuditKeys, after: int, everywhere: bool = False) -> int | None:
    """The first row that no trusted key signed; `None` if there is none.

    Args:
        connection: To the database of the log.
        keys: Whom to believe.
        after: Compute the signatures of the rows beyond this seq.
        everywhere: Look also at the rows up to there, whether each names a trusted key.
    """
    trusted = keys.trusted()
    wanted = audit_log.c.seq > after
    if everywhere:
        wanted = or_(wanted, audit_log.c.signer.not_in(sorted(trusted)))
    query = select(audit_log.c.seq, audit_log.c.hash, audit_log.c.signature, audit_log.c.signer).where(wanted)
    stream = connection.execute(query.order_by(audit_log.c.seq).execution_options(yield_per=_STREAM_ROWS))
    for seq, row_hash, signature, signer in stream:
        if not is_signed(row_hash, signature, trusted.get(signer)):
            stream.close()
            return int(seq)
    return None


def _signature_problem(connection: Connection, head_file: HeadFile | None, seen: Head | None) -> Problem | None:
    if head_file is None or seen is None:
        return None
    seq = first_unsigned(connection, head_file.keys, seen.seq, everywhere=True)
    return Problem(seq, "unsigned", _UNSIGNED.format(seq=seq)) if seq is not None else None


def require_witnessed(connection: Connection, head_file: HeadFile, last_seq: int) -> None:
    """Refuse unless the log holds the row that the head has seen, and trusted keys signed every row after it.

    Raises:
        RefusedError: It does not, or a row is not signed, or the head is missing or not ours.
    """
    seq = first_unsigned(connection, head_file.keys, _require_head(connection, head_file.read(), last_seq))
    if seq is not None:
        raise RefusedError(
            _UNSIGNED.format(seq=seq),
            "If another machine wrote it, put its records/audit-public.pem into the folder of"
            " FINDPROFILE_AUDIT_TRUSTED_KEYS; if not, stop and tell governance.",
        )


def _require_head(connection: Connection, head: Head | None, last_seq: int) -> int:
    remedy = "Stop, tell governance, and compare the database with its backups before anything else is done."
    if head is None:
        raise RefusedError("The signed head of the audit log is missing.", remedy)
    if head.seq == 0:
        return 0
    found = connection.execute(select(audit_log.c.hash).where(audit_log.c.seq == head.seq)).scalar_one_or_none()
    if found is None:
        raise RefusedError(
            f"The audit log ends at row {last_seq}, but its signed head has seen row {head.seq}: its end was cut off,"
            " or an older copy of the database was put back.",
            remedy,
        )
    if found != head.hash:
        raise RefusedError(f"Row {head.seq} of the audit log is not the row that its signed head has seen.", remedy)
    return head.seq


def _walk(connection: Connection) -> tuple[int, str, Problem | None]:
    """Follow the chain from its start: the rows that hold, the last good hash, and the first break."""
    query = select(audit_log).order_by(audit_log.c.seq)
    expected, previous = 1, CHAIN_START
    stream = connection.execution_options(yield_per=_STREAM_ROWS).execute(query)
    for values in stream:
        row = dict(zip(COLUMNS, values, strict=True))
        if row["seq"] != expected or row["previous_hash"] != previous or row_digest(row) != row["hash"]:
            following = next(stream, None)
            stream.close()
            after = dict(zip(COLUMNS, following, strict=True)) if following is not None else None
            return expected - 1, previous, _explain(connection, row, previous, expected, after)
        expected, previous = expected + 1, row["hash"]
    return expected - 1, previous, None


def _explain(
    connection: Connection, row: dict[str, Any], previous: str, expected: int, after: dict[str, Any] | None
) -> Problem:
    def seq_of_hash(wanted: str) -> int | None:
        found = connection.execute(select(audit_log.c.seq).where(audit_log.c.hash == wanted)).scalar_one_or_none()
        return int(found) if found is not None else None

    return explain_break(row, previous, expected, after, last_link(connection)[0], seq_of_hash)
