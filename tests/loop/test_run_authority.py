"""No run without an authority that covers it: every way to be without one, by the command line on real parts."""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from clock_support import move_clock
from loop_support import AS_OF, MODEL, POLICY, Loop, Said, accept_once, run

HERE = ("--rocu", "nwrocu")
GIVEN = "TEST/NWROCU/COUNTYLINES/1"
NEXT = "TEST/2026/2"
DAYS = ("--from", "2026-01-01", "--to", "2026-12-31")


def score(loop: Loop, *more: str, who: str = "operator") -> Said:
    return loop(who, "score", *HERE, *(more or ("--as-of", AS_OF)))


def grant(loop: Loop, reference: str = NEXT, *more: str, who: str = "owner", days: tuple[str, ...] = DAYS) -> Said:
    options = {"--rocu": "nwrocu", "--pattern": "county_lines", "--purpose": "testing"}
    options |= dict(zip(more[::2], more[1::2], strict=True))
    return loop(who, "authority", "grant", reference, *(part for pair in options.items() for part in pair), *days)


def withdraw(loop: Loop, reference: str = GIVEN) -> None:
    loop.done("owner", "authority", "withdraw", reference, *HERE, "--reason", "the operation has ended")


def entries(loop: Loop, action: str, *more: str) -> list[dict[str, Any]]:
    found = loop.done("auditor", "audit", "search", "--action", action, *more, "--json").data
    return sorted(found, key=lambda row: row["seq"])


def check_refused(loop: Loop, said: Said, *words: str) -> None:
    """Refused, with these words, and the log has the refusal with the same reason."""
    assert said.code == 1, said.out + said.err
    for word in words:
        assert word in said.err, said.err
    last = entries(loop, "score", "--outcome", "refused")[-1]
    assert last["details"]["reason"] in said.err
    assert last["authority"] is None


@pytest.fixture
def copy(in_force: Loop, tmp_path: Path) -> Loop:
    """A home with a champion and one authority for it, to do with as a test likes."""
    shutil.copytree(in_force.home, tmp_path / "home")
    return Loop(tmp_path / "home", in_force.world)


@pytest.fixture
def taken_back(copy: Loop) -> Loop:
    withdraw(copy)
    return copy


@pytest.fixture(scope="module")
def bare(small_world: Path, policy_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """A home with one day of reads and nothing else."""
    loop = Loop(tmp_path_factory.mktemp("bare") / "home", small_world)
    loop.done("governance", "policy", "load", policy_file, *HERE)
    loop.done("operator", "cameras", "load", small_world / "nwrocu" / "cameras.csv", *HERE)
    loop.done("operator", "ingest", *(small_world / "nwrocu" / "reads").glob(f"{AS_OF}*"), *HERE)
    return loop


def test_the_list_and_the_log_say_by_which_authority(in_force: Loop) -> None:
    scored = in_force.done("operator", "score", *HERE, "--as-of", AS_OF, "--json").data
    assert scored["authority"] == GIVEN
    last = entries(in_force, "score", *HERE)[-1]
    assert (last["authority"], last["purpose"], last["outcome"]) == (GIVEN, "testing", "done")
    page = Path(scored["page"]).read_text()
    assert GIVEN in page
    assert "authority granted by" in page.lower()


def test_without_any_authority_nothing_is_scored(bare: Loop) -> None:
    check_refused(bare, score(bare), "There is no authority to score nwrocu for county_lines", "authority grant")
    assert not (bare.home / "lake" / "scores").exists()


def test_the_authority_of_another_rocu_or_pattern_does_not_count(bare: Loop) -> None:
    assert grant(bare, "TEST/2026/7", "--rocu", "yhrocu").code == 0
    check_refused(bare, score(bare), "There is no authority to score nwrocu")
    assert grant(bare, "TEST/2026/8", "--pattern", "convoy").code == 0
    check_refused(bare, score(bare), "TEST/2026/8 is for the pattern convoy")
    assert grant(bare, "TEST/2026/9").code == 0
    said = score(bare)
    assert "No version of county_lines.nwrocu was ever promoted" in said.err


def test_a_withdrawn_authority_covers_nothing_and_a_new_one_does(taken_back: Loop) -> None:
    check_refused(taken_back, score(taken_back), f"{GIVEN} was withdrawn on")
    again = grant(taken_back, GIVEN)
    assert again.code == 1
    assert "means one thing for ever" in again.err
    assert grant(taken_back).code == 0
    assert score(taken_back).code == 0


def test_one_person_withdraws_once_and_it_is_seen_who_and_why(taken_back: Loop) -> None:
    twice = taken_back("governance", "authority", "withdraw", GIVEN, *HERE, "--reason", "me too")
    assert twice.code == 1
    assert "withdrawn already" in twice.err
    shown = taken_back.done("analyst", "authority", "show", GIVEN, *HERE, "--json").data
    assert shown["state"] == "withdrawn"
    assert shown["withdrawn"].endswith("by Gareth Pike: the operation has ended")
    assert [row["outcome"] for row in entries(taken_back, "authority.withdraw")] == ["done", "refused"]


def test_a_backfill_stops_at_the_first_day_outside(taken_back: Loop) -> None:
    assert grant(taken_back, days=("--from", "2026-04-04", "--to", "2026-04-04")).code == 0
    said = score(taken_back, "--from", "2026-04-04", "--to", AS_OF)
    check_refused(taken_back, said, f"as of {AS_OF}", "windows that end from 2026-04-04 to 2026-04-04")
    assert grant(taken_back, "TEST/2026/3", days=("--from", AS_OF, "--to", "2026-12-31")).code == 0
    assert score(taken_back, "--from", "2026-04-04", "--to", AS_OF).code == 0
    check_refused(taken_back, score(taken_back, "--as-of", "2026-04-03"), "No authority covers")


def test_before_an_authority_begins_nothing_is_scored(taken_back: Loop) -> None:
    assert grant(taken_back, NEXT, "--valid-from", "2099-01-01").code == 0
    check_refused(taken_back, score(taken_back), f"{NEXT} is not in force before 2099-01-01 00:00 UTC")
    (shown,) = [one for one in listed(taken_back) if one["reference"] == NEXT]
    assert shown["state"] == "not yet in force"


def test_after_an_authority_has_expired_nothing_is_scored(copy: Loop, monkeypatch: pytest.MonkeyPatch) -> None:
    assert score(copy).code == 0
    move_clock(monkeypatch, timedelta(days=93))
    check_refused(copy, score(copy), f"{GIVEN} expired at")
    assert [one["state"] for one in listed(copy)] == ["expired"]


def listed(loop: Loop) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = loop.done("operator", "authority", "list", *HERE, "--json").data
    return found


def both_roles(loop: Loop) -> str:
    roles = ("--role", "operator", "--role", "governance")
    said = run(loop.home, "token", "issue", "--name", "Olga Both", *roles, *HERE)
    assert said.code == 0, said.err
    accept_once(loop.home, said.out.strip())
    return said.out.strip()


def test_one_person_cannot_both_grant_and_run(taken_back: Loop) -> None:
    olga = both_roles(taken_back)
    what = ("--pattern", "county_lines", "--purpose", "testing", *DAYS)
    said = run(taken_back.home, "authority", "grant", NEXT, *HERE, *what, token=olga)
    assert said.code == 0, said.err
    own = run(taken_back.home, "score", *HERE, "--as-of", AS_OF, token=olga)
    check_refused(taken_back, own, f"{NEXT} was granted by the person who runs")
    assert score(taken_back).code == 0


def forces(loop: Loop) -> list[str]:
    with duckdb.connect() as connection:
        parts = str(loop.home / "lake" / "reads" / "rocu=nwrocu" / "*" / "*.parquet")
        rows = connection.execute("SELECT DISTINCT force FROM read_parquet(?) WHERE force IS NOT NULL", [parts])
        return sorted(force for (force,) in rows.fetchall())


def test_an_authority_for_some_forces_does_not_cover_reads_of_others(taken_back: Loop) -> None:
    first, *others = forces(taken_back)
    assert others
    assert grant(taken_back, NEXT, "--area", first).code == 0
    check_refused(taken_back, score(taken_back), f"{NEXT} covers {first}, and the window has reads of {others[0]}")
    assert grant(taken_back, "TEST/2026/3", "--area", ", ".join([first.upper(), *others])).code == 0
    assert score(taken_back).code == 0


def bands(loop: Loop, tmp_path: Path, counted_from: str, *rows: tuple[int | None, list[str]]) -> None:
    table = [{"up_to_days": days, "purposes": purposes} for days, purposes in rows]
    own = POLICY | {"runs": {"age_bands": table}, "ingest": POLICY["ingest"] | {"retention_from": counted_from}}
    file = tmp_path / "bands.yaml"
    file.write_text(yaml.safe_dump(own))
    loop.done("governance", "policy", "load", file, *HERE)


def test_the_oldest_day_of_the_window_must_be_young_enough_for_the_purpose(copy: Loop, tmp_path: Path) -> None:
    bands(copy, tmp_path, "newest_read", (26, ["testing"]), (None, []))
    check_refused(copy, score(copy), "is for testing", "27 days or more old", "27 days before 2026-04-05")
    bands(copy, tmp_path, "newest_read", (27, ["testing"]), (None, []))
    assert score(copy).code == 0


def test_age_counts_from_today_unless_the_data_are_historical(copy: Loop, tmp_path: Path) -> None:
    bands(copy, tmp_path, "today", (60, ["testing"]), (None, ["serious_crime"]))
    check_refused(copy, score(copy), "is for testing", "61 days or more old")
    assert grant(copy, NEXT, "--purpose", "serious_crime").code == 0
    assert score(copy).code == 0
    assert entries(copy, "score", *HERE)[-1]["purpose"] == "serious_crime"


@pytest.mark.parametrize("who", ["operator", "engineer", "analyst", "auditor"])
def test_only_governance_grants_and_withdraws(in_force: Loop, who: str) -> None:
    assert "may not do authority.grant" in grant(in_force, who=who).err
    assert in_force(who, "authority", "withdraw", GIVEN, *HERE, "--reason", "not mine to take").code == 1
    assert entries(in_force, "authority.grant", "--outcome", "refused")[-1]["actor_roles"]
    assert [one["state"] for one in listed(in_force)] == ["in force"]


@pytest.mark.parametrize(
    ("reference", "more", "code", "words"),
    [
        ("because", (), 1, "policy's format"),
        ("AB12CDE", (), 1, "policy's format"),
        (NEXT, ("--purpose", "curiosity"), 1, "purpose is not one"),
        (NEXT, ("--purpose", "court_disclosure"), 1, "what one vehicle may be looked at for (vault.purposes)"),
        (NEXT, ("--until", "2099-01-01"), 1, "longer than the 92"),
        (NEXT, ("--until", "2026-01-01"), 2, "has ended"),
        (NEXT, ("--area", "kent"), 2, "no force of nwrocu"),
        (NEXT, ("--area", "atlantis"), 2, "no force of nwrocu"),
        (NEXT, ("--pattern", "teapots"), 2, "teapots"),
        (NEXT, ("--rocu", "mars"), 2, "mars"),
    ],
)
def test_what_is_not_in_order_is_not_granted(
    in_force: Loop, reference: str, more: tuple[str, ...], code: int, words: str
) -> None:
    said = grant(in_force, reference, *more)
    assert said.code == code, said.err
    assert words in said.err
    assert len(listed(in_force)) == 1
    if code == 1:
        refused = entries(in_force, "authority.grant", "--outcome", "refused")[-1]
        assert refused["object"] == "authority of nwrocu"
        assert reference not in json.dumps(refused) or reference == NEXT


def test_days_in_the_wrong_order_and_an_unknown_reference_are_wrong_input(in_force: Loop) -> None:
    assert grant(in_force, days=("--from", "2026-02-01", "--to", "2026-01-01")).code == 2
    assert in_force("owner", "authority", "withdraw", NEXT, *HERE, "--reason", "no such thing").code == 2
    assert in_force("owner", "authority", "show", NEXT, *HERE).code == 2
    assert in_force("owner", "authority", "withdraw", GIVEN, *HERE, "--reason", " ").code == 2


def test_a_token_for_another_rocu_neither_grants_nor_looks(in_force: Loop) -> None:
    for arguments in (("grant", NEXT, "--pattern", "county_lines", "--purpose", "testing", *DAYS), ("list",)):
        said = in_force("owner", "authority", *arguments, "--rocu", "tarian")
        assert said.code == 1
        assert "not for tarian" in said.err


def test_the_file_in_the_lake_is_only_a_copy(copy: Loop) -> None:
    (kept,) = (copy.home / "lake" / "authorities" / "rocu=nwrocu").iterdir()
    assert json.loads(kept.read_text())["reference"] == GIVEN
    kept.unlink()
    assert score(copy).code == 0
    withdraw(copy)
    told = json.loads(kept.read_text())
    assert told["withdrawn"]["reason"] == "the operation has ended"
    kept.write_text(json.dumps(told | {"withdrawn": None, "expires_at": "2099-01-01T00:00:00Z"}))
    check_refused(copy, score(copy), "was withdrawn on")


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM audit_log WHERE action = 'authority.withdraw'",
        "UPDATE audit_log SET outcome = 'failed' WHERE action = 'authority.withdraw'",
        "UPDATE audit_log SET details = replace(details, '2015-01-01', '2014-01-01') WHERE action = 'authority.grant'",
    ],
)
def test_an_authority_changed_in_the_database_lets_nothing_be_scored(taken_back: Loop, statement: str) -> None:
    with sqlite3.connect(taken_back.home / "state.db") as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        assert database.execute(statement).rowcount > 0
        for _, text in triggers:
            database.execute(text)
    assert score(taken_back).code == 1


def test_a_listing_for_people_names_each(in_force: Loop) -> None:
    said = in_force.done("auditor", "authority", "list", *HERE)
    assert "Gareth Pike" in said.out
    assert "whole region" in said.out


def test_of_several_the_first_that_covers_the_run_is_taken(taken_back: Loop) -> None:
    assert grant(taken_back, NEXT, "--pattern", "convoy").code == 0
    assert grant(taken_back, "TEST/2026/3").code == 0
    assert grant(taken_back, "TEST/2026/4").code == 0
    said = taken_back.done("operator", "score", *HERE, "--as-of", AS_OF, "--json")
    assert said.data["authority"] == "TEST/2026/3"
    assert said.data["already_done"] is True
    assert said.data["model"] == MODEL
