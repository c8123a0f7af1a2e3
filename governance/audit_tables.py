"""The audit log's table and the database's own rules that keep it append-only.

The rules are triggers, so they bind every program that opens the database, not only this one: no UPDATE, no DELETE, and
an INSERT only as the next link of the chain. On PostgreSQL the rights are withdrawn as well.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Connection, Index, Integer, MetaData, Table, Text

CHAIN_START = "0" * 64

metadata = MetaData()

audit_log = Table(
    "audit_log",
    metadata,
    Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False),
    Column("event_id", Text, nullable=False, unique=True),
    Column("at", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("operation", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("actor_name", Text, nullable=False),
    Column("actor_roles", Text, nullable=False),
    Column("rocu", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("purpose", Text, nullable=True),
    Column("authority", Text, nullable=True),
    Column("outcome", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("signer", Text, nullable=False),
    Column("previous_hash", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("signature", Text, nullable=False),
    Index("audit_log_object", "rocu", "object"),
    Index("audit_log_at", "at"),
)

COLUMNS: tuple[str, ...] = tuple(column.name for column in audit_log.columns)

_LAST_HASH = f"COALESCE((SELECT hash FROM audit_log ORDER BY seq DESC LIMIT 1), '{CHAIN_START}')"
_NEXT_SEQ = "COALESCE((SELECT MAX(seq) FROM audit_log), 0) + 1"

# INSERT OR REPLACE deletes without firing a delete trigger, so the insert rule also refuses a seq that exists.
SQLITE_RULES: tuple[str, ...] = (
    """CREATE TRIGGER IF NOT EXISTS audit_log_no_update BEFORE UPDATE ON audit_log
       BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: UPDATE refused'); END""",
    """CREATE TRIGGER IF NOT EXISTS audit_log_no_delete BEFORE DELETE ON audit_log
       BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: DELETE refused'); END""",
    f"""CREATE TRIGGER IF NOT EXISTS audit_log_next_only BEFORE INSERT ON audit_log
        WHEN NEW.seq IS NOT {_NEXT_SEQ} OR NEW.previous_hash IS NOT {_LAST_HASH}
        BEGIN SELECT RAISE(ABORT, 'the audit log is append-only: not the next link of the chain'); END""",
)

POSTGRESQL_RULES: tuple[str, ...] = (
    """CREATE OR REPLACE FUNCTION audit_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
       BEGIN RAISE EXCEPTION 'the audit log is append-only: %% refused', TG_OP; END $$""",
    f"""CREATE OR REPLACE FUNCTION audit_log_next() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.seq IS DISTINCT FROM {_NEXT_SEQ} OR NEW.previous_hash IS DISTINCT FROM {_LAST_HASH} THEN
            RAISE EXCEPTION 'the audit log is append-only: not the next link of the chain';
          END IF;
          RETURN NEW;
        END $$""",
    """CREATE OR REPLACE TRIGGER audit_log_no_change BEFORE UPDATE OR DELETE ON audit_log
       FOR EACH ROW EXECUTE FUNCTION audit_log_refuse()""",
    """CREATE OR REPLACE TRIGGER audit_log_next_only BEFORE INSERT ON audit_log
       FOR EACH ROW EXECUTE FUNCTION audit_log_next()""",
    """CREATE OR REPLACE TRIGGER audit_log_no_truncate BEFORE TRUNCATE ON audit_log
       FOR EACH STATEMENT EXECUTE FUNCTION audit_log_refuse()""",
    "REVOKE UPDATE, DELETE, TRUNCATE ON audit_log FROM PUBLIC, CURRENT_USER",
)


def create_audit_tables(connection: Connection) -> None:
    """Create the table and its rules where they are missing. The caller holds the writers' lock."""
    metadata.create_all(connection)
    for rule in POSTGRESQL_RULES if connection.dialect.name == "postgresql" else SQLITE_RULES:
        connection.exec_driver_sql(rule)


def is_protected(connection: Connection) -> bool:
    """Whether the database has every rule that keeps the log append-only; false when there is no table yet."""
    if connection.dialect.name == "postgresql":
        found = connection.exec_driver_sql(
            "SELECT count(*) FROM pg_trigger WHERE tgrelid = to_regclass('audit_log')"
            " AND tgname LIKE 'audit_log_%%' AND tgenabled IN ('O', 'A')"
        ).scalar_one()
        return int(found) == 3
    found = connection.exec_driver_sql(
        "SELECT count(*) FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_log'"
    ).scalar_one()
    return int(found) == len(SQLITE_RULES)
