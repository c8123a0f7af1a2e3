"""Reading the whole audit log against its own hashes and against the signatures of its rows and head.

Belongs here: the walk and the witness check. Does not: what kind of change a break shows (audit_chain).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, func

from governance.audit.chain import HASHED, Problem, explain_break, holds
from governance.audit.checkpoint import Checkpoint
from governance.audit.head import Head, HeadFile, LogBrokenError
from governance.audit.keys import AuditKeys, is_signed
from governance.audit.mark import DecisionDigest, Mark, still_stands
from governance.audit.operations import is_decisive
from governance.audit.tables import CHAIN_START, COLUMNS, audit_log, is_protected, rows_of_log
from infra.errors import RefusedError

_STREAM_ROWS = 10_000
_LAST_ROWS = 10_000  # each lies no more than the clock's tolerance before the newest before it
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


@dataclass(frozen=True)
class Walked:
    """What a walk met: the last good row, the first break, the first row of no trusted signer, the decisions so far."""

    rows: int
    head: str
    problem: Problem | None
    stranger: int | None
    decisions: str


def verify_log(
    connection: Connection, head: HeadFile | None, against: Sequence[Checkpoint] = ()
) -> tuple[VerifyReport, Walked]:
    """Read every row, then the head, the signatures and the database's rules; name the first thing that is wrong.

    Signatures are computed only beyond the head: up to it the head's own signature covers the chain.
    """
    # the head is read before the rows: what others append meanwhile lies beyond it
    seen, unreadable = _seen(head)
    walked = _walk(connection, 0, CHAIN_START, head)
    report = _report(connection, head, seen, unreadable, walked)
    elsewhere = next((found for kept in against if (found := _missing(connection, kept, walked.rows))), None)
    return (report if report.problem else replace(report, problem=elsewhere)), walked


def _missing(connection: Connection, kept: Checkpoint, rows: int) -> Problem | None:
    if kept.seq > rows:
        return Problem(
            rows,
            "cut off",
            f"The audit log ends at row {rows}, but a checkpoint of {kept.made_at} has seen row {kept.seq}:"
            " its end was cut off, or an older copy of the database was put back.",
        )
    found = connection.execute(rows_of_log(audit_log.c.hash).where(audit_log.c.seq == kept.seq)).scalar_one()
    if found == kept.hash:
        return None
    return Problem(
        kept.seq,
        "changed",
        f"Row {kept.seq} of the audit log is not the row that a checkpoint of {kept.made_at} has seen:"
        " the log was written anew.",
    )


def verify_from(connection: Connection, head: HeadFile, mark: Mark) -> VerifyReport | None:
    """The same for the rows behind a mark; `None` if those before it have to be walked again."""
    seen, unreadable = _seen(head)
    if not still_stands(connection, mark):
        return None
    walked = _walk(connection, mark.seq, mark.hash, head)
    return _report(connection, head, seen, unreadable, walked)


def _report(
    connection: Connection, head: HeadFile | None, seen: Head | None, unreadable: Problem | None, walked: Walked
) -> VerifyReport:
    rows = walked.rows
    problem = walked.problem or unreadable or _head_problem(connection, head, seen, rows)
    problem = problem or _signature_problem(connection, head, seen, walked.stranger)
    if problem is None and not is_protected(connection):
        problem = Problem(rows, "unprotected", "The database has lost a rule that keeps the audit log append-only.")
    return VerifyReport(rows, walked.head, problem)


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
    said = rows_of_log(audit_log.c.seq, audit_log.c.hash)
    found = connection.execute(said.order_by(audit_log.c.seq.desc()).limit(1)).first()
    return (found[0], found[1]) if found else (0, CHAIN_START)


def newest_time(connection: Connection) -> str:
    """The latest time of the last rows, which the very last may lie a little before; empty for an empty log."""
    latest = rows_of_log(func.max(audit_log.c.at)).where(audit_log.c.seq > last_link(connection)[0] - _LAST_ROWS)
    return connection.execute(latest).scalar_one() or ""


def first_unsigned(connection: Connection, keys: AuditKeys, after: int) -> int | None:
    """The first row beyond a seq that no trusted key signed; `None` if there is none."""
    trusted = keys.trusted()
    query = rows_of_log(audit_log.c.seq, audit_log.c.hash, audit_log.c.signature, audit_log.c.signer)
    query = query.where(audit_log.c.seq > after).order_by(audit_log.c.seq)
    stream = connection.execute(query.execution_options(yield_per=_STREAM_ROWS))
    for seq, row_hash, signature, signer in stream:
        if not is_signed(row_hash, signature, trusted.get(signer)):
            stream.close()
            return int(seq)
    return None


def genuine(connection: Connection, keys: AuditKeys, seqs: Sequence[int]) -> frozenset[int]:
    """Which of these rows hash as they did and are signed by a trusted key."""
    trusted = keys.trusted()
    query = rows_of_log(*(audit_log.c[name] for name in HASHED), audit_log.c.hash, audit_log.c.signature)
    return frozenset(
        int(values[_SEQ])
        for *values, row_hash, signature in connection.execute(query.where(audit_log.c.seq.in_(seqs)))
        if holds(values, row_hash) and is_signed(row_hash, signature, trusted.get(values[_SIGNER]))
    )


def _signature_problem(
    connection: Connection, head_file: HeadFile | None, seen: Head | None, stranger: int | None
) -> Problem | None:
    if head_file is None or seen is None:
        return None
    unsigned = first_unsigned(connection, head_file.keys, seen.seq)
    seq = min((found for found in (unsigned, stranger) if found is not None), default=None)
    return Problem(seq, "unsigned", _UNSIGNED.format(seq=seq)) if seq is not None else None


def require_witnessed(connection: Connection, head_file: HeadFile, last_seq: int) -> None:
    """Refuse unless the log holds the row that the head has seen, and trusted keys signed every row after it.

    Raises:
        LogBrokenError: It does not, or a row is not signed, or the head is missing or not ours.
    """
    seq = first_unsigned(connection, head_file.keys, _require_head(connection, head_file.read(), last_seq))
    if seq is not None:
        raise LogBrokenError(
            _UNSIGNED.format(seq=seq),
            "If another machine wrote it, put its records/audit-public.pem into the folder of"
            " FINDPROFILE_AUDIT_TRUSTED_KEYS; if not, stop and tell governance.",
        )


def _require_head(connection: Connection, head: Head | None, last_seq: int) -> int:
    remedy = "Stop, tell governance, and compare the database with its backups before anything else is done."
    if head is None:
        raise LogBrokenError("The signed head of the audit log is missing.", remedy)
    if head.seq == 0:
        return 0
    found = connection.execute(rows_of_log(audit_log.c.hash).where(audit_log.c.seq == head.seq)).scalar_one_or_none()
    if found is None:
        raise LogBrokenError(
            f"The audit log ends at row {last_seq}, but its signed head has seen row {head.seq}: its end was cut off,"
            " or an older copy of the database was put back.",
            remedy,
        )
    if found != head.hash:
        raise LogBrokenError(f"Row {head.seq} of the audit log is not the row that its signed head has seen.", remedy)
    return head.seq


_SEQ, _PREVIOUS, _SIGNER = (HASHED.index(name) for name in ("seq", "previous_hash", "signer"))
_ACTION, _OPERATION = HASHED.index("action"), HASHED.index("operation")


def _walk(connection: Connection, after: int, previous: str, head: HeadFile | None) -> Walked:
    """Follow the chain from behind a row: the rows that hold, the last good hash, and the first break."""
    query = rows_of_log(*(audit_log.c[name] for name in HASHED), audit_log.c.hash).where(audit_log.c.seq > after)
    query = query.order_by(audit_log.c.seq)
    trusted = head.keys.trusted() if head is not None else None
    expected, stranger, problem, decisions = after + 1, None, None, DecisionDigest()
    stream = connection.execute(query.execution_options(yield_per=_STREAM_ROWS))
    for values in stream:
        row_hash = values[-1]
        if values[_SEQ] != expected or values[_PREVIOUS] != previous or not holds(values, row_hash):
            stream.close()
            problem = _explain(connection, int(values[_SEQ]), previous, expected)
            break
        if trusted is not None and stranger is None and values[_SIGNER] not in trusted:
            stranger = expected
        if is_decisive(values[_ACTION], values[_OPERATION]):
            decisions.add(expected, row_hash)
        expected, previous = expected + 1, row_hash
    return Walked(expected - 1, previous, problem, stranger, decisions.value)


def _explain(connection: Connection, seq: int, previous: str, expected: int) -> Problem:
    query = rows_of_log().where(audit_log.c.seq >= seq).order_by(audit_log.c.seq).limit(2)
    broken = [dict(zip(COLUMNS, values, strict=True)) for values in connection.execute(query)]
    row, after = broken[0], broken[1] if len(broken) > 1 else None

    def seq_of_hash(wanted: str) -> int | None:
        found = connection.execute(rows_of_log(audit_log.c.seq).where(audit_log.c.hash == wanted)).scalar_one_or_none()
        return int(found) if found is not None else None

    return explain_break(row, previous, expected, after, last_link(connection)[0], seq_of_hash)
