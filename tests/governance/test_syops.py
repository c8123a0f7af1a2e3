"""Nobody acts who has not accepted the operating procedures in force, lately, for the ROCU in question."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import governance.access.syops
import governance.audit.entry
from flows.context import open_context
from governance.access.syops import accept, accepted_until, procedures, require_accepted
from governance.audit.entry import DETAILS_VERSION, stored_values
from governance.audit.log import Entry
from governance.audit.tables import audit_log
from governance.audit.walk import last_link
from governance.policy.document import store_policy
from governance.promotion.control import suspend
from infra.clock import utc_now
from infra.errors import FaultError, RefusedError
from infra.identity import issue_token

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)


@pytest.fixture
def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Operating procedures of a test's own."""
    folder = tmp_path / "syops"
    folder.mkdir()
    (folder / "README.md").write_text("# Procedures\n\nRead every six months. Version 7.1. A rule.\n")
    (folder / "analyst.md").write_text("# Analyst\n")
    monkeypatch.setattr(governance.access.syops.procedures, "__defaults__", (folder,))
    return folder


def accepted(world: Any, name: str = "Ann", **known: Any) -> Any:
    person = world.person(name, "analyst", **known)
    accept(world.audit, world.lake, person, procedures().version, NOW)
    return person


def test_the_procedures_that_come_with_the_product_say_their_version() -> None:
    found = procedures()
    assert found.version == "0.2"
    assert {"README.md", "operator.md", "analyst.md", "governance.md", "administrator.md"} <= set(found.pages)
    assert f"accept --version {found.version}" in found.pages["README.md"]


def test_who_has_accepted_may_act_until_it_ends(world: Any) -> None:
    person = world.person("Ann", "analyst")
    with pytest.raises(RefusedError, match=r"has not accepted version 0\.2") as refused:
        require_accepted(world.audit, person, NOW)
    assert "findprofile syops accept --version 0.2" in refused.value.instruction
    until = accept(world.audit, world.lake, person, "0.2", NOW)
    assert until == NOW + timedelta(days=365) == accepted_until(world.audit, person)
    require_accepted(world.audit, person, until - timedelta(seconds=1))
    with pytest.raises(RefusedError, match="must accept again"):
        require_accepted(world.audit, person, until)


def test_an_acceptance_is_an_entry_with_version_and_digest(world: Any) -> None:
    accepted(world)
    (row,) = world.audit.search(action="syops.accept")
    assert (row.actor, row.rocu, row.operation, row.outcome) == ("embedded:ann", "nwrocu", "decision", "done")
    assert row.details["digest"] == procedures().digest


def test_one_person_does_not_accept_for_another_nor_one_rocu_for_another(world: Any) -> None:
    accepted(world)
    for other in (world.person("Bea", "analyst"), world.person("Ann", "analyst", rocu="nerocu")):
        with pytest.raises(RefusedError, match="has not accepted"):
            require_accepted(world.audit, other, NOW)
    require_accepted(world.audit, world.person("Ann", "operator"), NOW)


def test_an_acceptance_for_everywhere_holds_in_each_rocu(world: Any) -> None:
    ann = world.person("Ann", "analyst", rocu="tarian")
    with pytest.raises(RefusedError, match="has not accepted"):
        require_accepted(world.audit, ann, NOW)
    accepted(world, rocu="*")
    require_accepted(world.audit, ann, NOW)
    assert accepted_until(world.audit, ann) is not None


@pytest.mark.parametrize(
    ("page", "content"),
    [("README.md", "# Procedures\n\nVersion 7.2. A rule.\n"), ("analyst.md", "# Analyst\n\nAnother rule.\n")],
)
def test_another_version_or_other_words_need_another_acceptance(
    world: Any, pages: Path, page: str, content: str
) -> None:
    person = accepted(world)
    require_accepted(world.audit, person, NOW)
    (pages / page).write_text(content)
    with pytest.raises(RefusedError, match="has not accepted"):
        require_accepted(world.audit, person, NOW)


@pytest.mark.parametrize("version", ["0.1", "", "9.9"])
def test_accepting_another_version_than_the_one_in_force_is_refused_and_recorded(world: Any, version: str) -> None:
    person = world.person("Ann", "analyst")
    with pytest.raises(RefusedError, match="is in force"):
        accept(world.audit, world.lake, person, version, NOW)
    (row,) = world.audit.search(action="syops.accept")
    assert row.outcome == "refused"
    assert accepted_until(world.audit, person) is None


def test_the_policy_says_how_long_it_holds(world: Any, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("version: own-1\nsyops_valid_days: 30\n")
    store_policy(world.lake, "nwrocu", tmp_path / "own.yaml")
    assert accepted_until(world.audit, accepted(world)) == NOW + timedelta(days=30)


def test_a_spoilt_policy_does_not_keep_out_who_must_mend_it(world: Any, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("version: own-1\n")
    store_policy(world.lake, "nwrocu", tmp_path / "own.yaml")
    (stored,) = world.lake.folder("policies", "nwrocu").glob("*.yaml")
    stored.write_text("version: x")
    assert accepted_until(world.audit, accepted(world)) == NOW + timedelta(days=365)


def test_procedures_that_do_not_say_their_version_are_a_fault(tmp_path: Path) -> None:
    with pytest.raises(FaultError, match="not installed"):
        procedures(tmp_path)


def test_who_has_no_role_accepts_nothing_and_that_is_on_record(world: Any) -> None:
    nobody = replace(world.person("Ann", "analyst"), roles=frozenset({"visitor"}))
    with pytest.raises(RefusedError, match=r"may not do syops\.accept"):
        accept(world.audit, world.lake, nobody, procedures().version, NOW)
    (row,) = world.audit.search(action="syops.accept")
    assert (row.outcome, row.actor_roles) == ("refused", ("visitor",))


def touched(world: Any, statement: str) -> None:
    """As the owner of the database: its rules are off for so long."""
    with world.engine.begin() as connection:
        rules = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").all()
        for name, _ in rules:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql(statement)
        for _, sql in rules:
            connection.exec_driver_sql(sql)


def test_nothing_is_accepted_on_a_log_that_was_touched_and_that_is_on_record(world: Any) -> None:
    world.told("requested")
    touched(world, "UPDATE audit_log SET actor_name = 'Somebody Else' WHERE seq = 1")
    person = world.person("Ann", "analyst")
    with pytest.raises(RefusedError, match="audit log does not hold: Row 1"):
        accept(world.audit, world.lake, person, procedures().version, NOW)
    (row,) = world.audit.search(action="syops.accept")
    assert (row.outcome, "does not hold" in row.details["reason"]) == ("refused", True)
    assert accepted_until(world.audit, person) is None
    # one person stops a model on such a log all the same
    assert suspend(world.desk, person, "county_lines.nwrocu", "in doubt", NOW).suspended == "in doubt"


@pytest.mark.parametrize(
    "column", ["actor = 'embedded:ann'", "details = replace(details, '2027', '2099')", "signature = 'none'"]
)
def test_an_acceptance_that_was_touched_is_none(world: Any, column: str) -> None:
    accepted(world, "Bea" if column.startswith("actor") else "Ann")
    ann = world.person("Ann", "analyst")
    touched(world, f"UPDATE audit_log SET {column} WHERE action = 'syops.accept'")
    assert accepted_until(world.audit, ann) is None
    with pytest.raises(RefusedError, match=r"audit log does not hold|has not accepted"):
        require_accepted(world.audit, ann, NOW)


def signed_in(world: Any, role: str, **known: bool) -> Any:
    """As the command line opens it, now."""
    token = issue_token(world.settings, "Ann", (role,), ("nwrocu",), timedelta(hours=1), utc_now())
    return open_context(world.settings.model_copy(update={"token": SecretStr(token)}), **known)


@pytest.mark.parametrize("content", ["[]", "{", "7", "", "[" * 100_000])
@pytest.mark.parametrize("column", ["details", "actor_roles"])
def test_an_acceptance_that_cannot_be_read_is_told_and_the_log_can_be_looked_at(
    world: Any, column: str, content: str
) -> None:
    accepted(world)
    touched(world, f"UPDATE audit_log SET {column} = '{content}' WHERE action = 'syops.accept'")
    with pytest.raises(RefusedError, match="does not hold: Row 1"):
        signed_in(world, "analyst")
    audit = signed_in(world, "auditor", looks_at_log=True).audit
    problem = audit.verify().problem
    assert problem is not None
    assert (problem.seq, problem.how) == (1, "changed")
    (row,) = audit.search(action="syops.accept", any_version=True)
    assert (row.details == {}, row.actor_roles == ()) == (column == "details", column == "actor_roles")


def test_an_acceptance_by_a_newer_release_is_none_here_and_shuts_nobody_out(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(governance.audit.entry, "DETAILS_VERSION", DETAILS_VERSION + 1)
        accept(world.audit, world.lake, world.person("Ann", "analyst"), procedures().version, NOW)
    with pytest.raises(RefusedError, match="has not accepted version"):
        signed_in(world, "analyst")
    context = signed_in(world, "analyst", unaccepted=True)
    accept(context.audit, context.lake, context.identity, procedures().version, context.now)
    assert signed_in(world, "analyst").audit.verify().intact


def test_an_acceptance_that_nobody_trusted_signed_is_none(world: Any) -> None:
    ann, in_force = world.person("Ann", "analyst"), procedures()
    forged = Entry.by(
        ann, action="syops.accept", operation="decision", rocu="nwrocu", object="operating procedures", outcome="done",
        details={"version": in_force.version, "digest": in_force.digest, "valid_until": "2027-11-20T09:00:00Z"},
    )  # fmt: skip
    with world.engine.begin() as connection:
        seq, last = last_link(connection)
        connection.execute(audit_log.insert(), [stored_values(forged, NOW, seq + 1, last)])
    assert accepted_until(world.audit, ann) is None
    with pytest.raises(RefusedError, match="not signed by a trusted key"):
        require_accepted(world.audit, ann, NOW)
