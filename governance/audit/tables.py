"""The audit log's table and the database's own rules that keep it append-only.

The rules are triggers, so they bind every program that opens the database, not only this one: no UPDATE, no DELETE, and
an INSERT only as the next link of the chain. On PostgreSQL the rights are withdrawn as well.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Index,
    Integer,
    MetaData,
    Select,
    Table,
    Text,
    inspect,
    select,
)

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
    Index("audit_log_object", "rocu", "object").ddl_if(dialect="postgresql"),
    Index("audit_log_at", "at").ddl_if(dialect="postgresql"),
    Index("audit_log_action", "action", "rocu").ddl_if(dialect="postgresql"),
    Index("audit_log_operation", "operation").ddl_if(dialect="postgresql"),
)

COLUMNS: tuple[str, ...] = tuple(column.name for column in audit_log.columns)


def rows_of_log(*columns: Any) -> Select[Any]:
    """A query of these columns, or of all, that on SQLite no index answers.

    Who can write the file can make an index that leaves a row out, or has one that is in no table, and every row of the
    table is as it was signed. So only the table is asked, row by row or by `seq`, which is its own key.
    """
    return select(*(columns or (audit_log,))).with_hint(audit_log, "NOT INDEXED", "sqlite")


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


def _source(rule: str) -> str:
    return " ".join(rule.split("$$")[1].replace("%%", "%").split())


# name: (tgtype, which says before, row or statement, and on what; source of the function)
_POSTGRESQL_TRIGGERS: dict[str, tuple[int, str]] = {
    "audit_log_no_change": (27, _source(POSTGRESQL_RULES[0])),
    "audit_log_next_only": (7, _source(POSTGRESQL_RULES[1])),
    "audit_log_no_truncate": (34, _source(POSTGRESQL_RULES[0])),
}


_POSTGRESQL_PLAIN = """
    SELECT relkind = 'r' AND NOT relrowsecurity AND NOT relforcerowsecurity
        AND NOT EXISTS (SELECT FROM pg_rewrite WHERE ev_class = pg_class.oid)
        AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhparent = pg_class.oid)
    FROM pg_class WHERE oid = to_regclass('audit_log')"""


def create_audit_tables(connection: Connection) -> None:
    """Create the table, its indexes and its rules where they are missing. The caller holds the writers' lock."""
    known = inspect(connection).has_table(audit_log.name)
    metadata.create_all(connection)
    if connection.dialect.name == "postgresql":
        for index in audit_log.indexes:
            index.create(connection, checkfirst=True)
    if not known:
        for rule in POSTGRESQL_RULES if connection.dialect.name == "postgresql" else SQLITE_RULES:
            connection.exec_driver_sql(rule)


def is_complete(engine: Engine) -> bool:
    """Whether the table is there, on PostgreSQL with every index."""
    found = inspect(engine)
    if not found.has_table(audit_log.name) or engine.dialect.name != "postgresql":
        return found.has_table(audit_log.name)
    return {index.name for index in audit_log.indexes} <= {index["name"] for index in found.get_indexes(audit_log.name)}


def is_protected(connection: Connection) -> bool:
    """Whether the database has every rule that keeps the log append-only, as it was made; false without a table.

    On PostgreSQL nothing may stand between the table and who reads it either: no row security, no rule, no child.
    """
    if connection.dialect.name == "postgresql":
        if connection.exec_driver_sql(_POSTGRESQL_PLAIN).scalar_one_or_none() is not True:
            return False
        triggers = connection.exec_driver_sql(
            "SELECT t.tgname, t.tgtype, p.prosrc FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid"
            " WHERE t.tgrelid = to_regclass('audit_log') AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')"
            " AND t.tgqual IS NULL"
        )
        return {str(name): (int(kind), _words(source)) for name, kind, source in triggers} == _POSTGRESQL_TRIGGERS
    found = connection.exec_driver_sql(
        "SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_log'"
    )
    return {_words(sql) for (sql,) in found} == {_words(rule.replace("IF NOT EXISTS ", "")) for rule in SQLITE_RULES}


def _words(sql: str) -> str:
    return " ".join(sql.split())
