"""An alias that a kill left behind and one that a hand put back there are told apart, with MLflow's own alias."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from governance_world import FolderRegistry

from governance.audit.log import Entry
from governance.promotion.champion_alias import alias_astray, alias_said, alias_standing, place_alias
from governance.promotion.control import reconcile, rollback
from governance.promotion.control_plan import plan_reconcile, plan_suspend
from governance.promotion.plan_asking import Asking
from governance.promotion.record import Act, Desk
from governance.promotion.requests import approve, history, refuse
from governance.promotion.state import model_state
from governance.promotion.verification import verify_champion
from governance.promotion.version_plan import plan_refuse
from infra.errors import FaultError, RefusedError
from models.registry import Registry

MODEL = "county_lines.nwrocu"
NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
# MLflow's own queries; hidden outside of tests.
pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy")


class Killed(BaseException):
    """The process ended here."""


class WithMlflow(FolderRegistry):
    """Texts and signatures in a folder, the alias in MLflow."""

    def __init__(self, folders: FolderRegistry, mlflow: Registry) -> None:
        self.root, self.key, self.reachable = folders.root, folders.key, folders.reachable
        self.mlflow = mlflow

    def champion_version(self, model: str) -> str | None:
        return self.mlflow.champion_version(model)

    def set_champion(self, model: str, version: str) -> None:
        self.mlflow.set_champion(model, version)

    def remove_champion(self, model: str) -> None:
        self.mlflow.remove_champion(model)


@pytest.fixture(scope="module")
def registered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's database with three versions: to make one takes longer than all that is asked of it."""
    from mlflow import MlflowClient

    database = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    client = MlflowClient(f"sqlite:///{database}", f"sqlite:///{database}")
    client.create_registered_model(MODEL)
    for _ in range(3):
        client.create_model_version(MODEL, source=str(database.parent), run_id=None)
    return database


@pytest.fixture
def two(world: Any, registered: Path) -> Any:
    """Version 2 took the place of version 1, in the log and in MLflow; version 3 waits for its confirmation."""
    from mlflow import MlflowClient

    world.told("two promoted")
    shutil.copy(registered, world.settings.root / "mlflow.db")
    client = MlflowClient(world.settings.mlflow, world.settings.mlflow)
    world.client, mlflow = client, Registry(world.settings)
    mlflow.set_champion(MODEL, "2")
    world.registry = WithMlflow(world.registry, mlflow)
    world.desk = Desk(world.audit, world.lake, world.registry)
    world.approved("3", world.measured("2"))
    world.shadowed("3")
    return world


def put_back(world: Any, version: str) -> None:
    """As somebody does in MLflow's own page."""
    world.client.set_registered_model_alias(MODEL, "champion", version)


def standing(world: Any) -> str:
    return alias_standing(world.desk, model_state(world.audit, MODEL))[0]


def killed(world: Any, monkeypatch: pytest.MonkeyPatch, deed: Callable[[], object], *, moved: bool) -> None:
    """A deed that ended before the alias was moved, or between that and the entry about it."""
    move = world.registry.set_champion

    def kill(model: str, version: str) -> None:
        if moved:
            move(model, version)
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(world.registry, "set_champion", kill)
        with pytest.raises(Killed):
            deed()


def verify(world: Any) -> Any:
    return verify_champion(world.desk, MODEL, "nwrocu", NOW)


def test_an_alias_put_back_on_the_champion_before_was_moved_by_hand(two: Any) -> None:
    assert standing(two) == "in step"
    put_back(two, "1")
    assert standing(two) == "by hand"
    with pytest.raises(RefusedError, match=r"on version 1, but the audit log has version 2: it was moved by hand"):
        verify(two)
    assert "moved by hand to version 1" in alias_said("by hand", "1")


def test_an_alias_that_was_taken_away_was_moved_by_hand(two: Any) -> None:
    two.client.delete_registered_model_alias(MODEL, "champion")
    assert standing(two) == "by hand"
    with pytest.raises(RefusedError, match="on no version, but the audit log has version 2"):
        verify(two)


def test_an_alias_of_a_model_without_champion_is_taken_away_and_that_is_on_record(world: Any) -> None:
    from mlflow import MlflowClient

    world.told("shadowed")
    world.client = MlflowClient(world.settings.mlflow, world.settings.mlflow)
    world.client.create_registered_model(MODEL)
    world.client.create_model_version(MODEL, source=str(world.folder), run_id=None)
    world.registry = WithMlflow(world.registry, Registry(world.settings))
    world.desk = Desk(world.audit, world.lake, world.registry)
    put_back(world, "1")
    with pytest.raises(RefusedError, match="on version 1, but the audit log has no version: it was moved by hand"):
        world.confirmed()
    plan = plan_reconcile(Asking(world.desk, world.person("Gwen"), lambda: world.policy, NOW), MODEL)
    assert plan.alias == "champion: version 1 → no version"
    assert reconcile(world.desk, world.person("Gwen"), MODEL, world.policy, NOW).found == "by hand"
    row = history(world.audit, MODEL)[-1]
    assert (row.action, row.object) == ("promote.reconcile", MODEL)
    assert row.details == {"alias": "1", "champion": None, "cause": "by hand"}
    assert (world.registry.champion_version(MODEL), standing(world)) == (None, "in step")
    assert world.confirmed().status == "champion"


def test_a_promotion_that_was_killed_before_the_alias_moved_is_unfinished(
    two: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(two, monkeypatch, lambda: two.confirmed("3"), moved=False)
    assert standing(two) == "unfinished"
    with pytest.raises(RefusedError, match="was not finished"):
        verify(two)
    assert "unfinished, the alias is still on version 2" in alias_said("unfinished", "2")
    two.confirmed("3")
    assert standing(two) == "in step"
    put_back(two, "2")
    assert standing(two) == "by hand"


def test_so_is_a_rollback(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def back() -> None:
        rollback(two.desk, two.engineer, MODEL, "bad", two.policy, NOW)

    killed(two, monkeypatch, back, moved=False)
    assert standing(two) == "unfinished"
    back()
    assert (verify(two).version, standing(two)) == ("1", "in step")
    put_back(two, "2")
    assert standing(two) == "by hand"


def test_an_alias_moved_by_a_promotion_killed_right_after_is_put_on_record_by_the_next_decision(
    two: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(two, monkeypatch, lambda: two.confirmed("3"), moved=True)
    assert verify(two).version == "3"
    assert not model_state(two.audit, MODEL).alias_placed
    two.confirmed("3")
    assert history(two.audit, MODEL)[-1].action == "promote.alias"
    put_back(two, "2")
    assert standing(two) == "by hand"


def test_a_list_made_since_shows_as_well_that_the_alias_was_in_place(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    killed(two, monkeypatch, lambda: two.confirmed("3"), moved=True)
    before = entry_of_a_list(two, "2")
    put_back(two, "2")
    two.audit.append(before, NOW)
    assert standing(two) == "unfinished"
    two.audit.append(entry_of_a_list(two, "3"), NOW)
    assert standing(two) == "by hand"


def entry_of_a_list(world: Any, version: str) -> Entry:
    return Entry.by(
        world.person("Olga", "operator"), action="score", operation="combination", rocu="nwrocu", object=MODEL,
        outcome="done", details={"version": version},
    )  # fmt: skip


def test_reconcile_says_that_it_was_moved_by_hand_and_puts_it_back(two: Any) -> None:
    put_back(two, "1")
    two.requested("4", two.measured("2"))
    with pytest.raises(RefusedError, match="moved by hand"):
        approve(two.desk, two.person("Vera", "validator"), MODEL, "4", two.policy, NOW, comment="looked at")
    assert two.registry.champion_version(MODEL) == "1"
    assert reconcile(two.desk, two.person("Gwen"), MODEL, two.policy, NOW).found == "by hand"
    found = history(two.audit, MODEL)[-1]
    assert found.details == {"alias": "1", "champion": "2", "cause": "by hand"}
    assert verify(two).version == "2"


def test_whoever_is_passed_while_moving_the_alias_moves_it_on(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A rollback comes between a promotion's entry and its alias: the alias ends where the log has the champion."""
    move = two.registry.set_champion
    passed: list[str] = []

    def slowly(model: str, version: str) -> None:
        if not passed:
            passed.append(version)
            rollback(two.desk, two.engineer, MODEL, "at once", two.policy, NOW, to="1")
        move(model, version)

    monkeypatch.setattr(two.registry, "set_champion", slowly)
    act = Act(two.engineer, "promote.rollback", MODEL, "2", NOW)
    place_alias(two.desk, act)
    state = model_state(two.audit, MODEL)
    assert (state.champion, two.registry.champion_version(MODEL)) == ("1", "1")
    assert state.alias_placed


def test_a_decision_whose_alias_could_not_be_placed_names_reconcile_which_finishes_it(
    two: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow is gone when the alias is to be moved, and again when it was moved but not yet put on record."""
    move = two.registry.set_champion

    def gone(model: str, version: str) -> None:
        raise FaultError("MLflow does not answer.", "Start it.")

    monkeypatch.setattr(two.registry, "set_champion", gone)
    with pytest.raises(FaultError, match=r"audit log, which has version 3 as the champion") as fault:
        two.confirmed("3")
    assert f"findprofile promote reconcile {MODEL} finishes it" in fault.value.instruction
    assert standing(two) == "unfinished"
    monkeypatch.setattr(two.registry, "set_champion", move)
    reconcile(two.desk, two.person("Gwen"), MODEL, two.policy, NOW)
    assert (verify(two).version, model_state(two.audit, MODEL).alias_placed) == ("3", True)

    def moved_and_gone(model: str, version: str) -> None:
        move(model, version)
        gone(model, version)

    monkeypatch.setattr(two.registry, "set_champion", moved_and_gone)
    with pytest.raises(FaultError, match="has version 2 as the champion"):
        rollback(two.desk, two.engineer, MODEL, "it is bad", two.policy, NOW)
    monkeypatch.setattr(two.registry, "set_champion", move)
    reconcile(two.desk, two.person("Gwen"), MODEL, two.policy, NOW)
    assert (verify(two).version, model_state(two.audit, MODEL).alias_placed) == ("2", True)
    rolled_back = [row.outcome for row in history(two.audit, MODEL) if row.action == "promote.rollback"]
    assert rolled_back == ["done", "failed"]


def test_a_decision_that_leaves_the_alias_alone_says_that_it_was_moved_by_hand(two: Any) -> None:
    put_back(two, "3")
    said = "alias moved by hand to version 3: scoring refuses; find out who moved it, then promote reconcile"
    vera = two.person("Vera Validator", "validator")
    assert plan_refuse(Asking(two.desk, vera, lambda: two.policy, NOW, "not good"), MODEL, "3").alias == said
    assert refuse(two.desk, vera, MODEL, "3", "not good enough", two.policy, NOW).status == "refused"
    assert alias_astray(two.desk, model_state(two.audit, MODEL)) == said
    reconcile(two.desk, two.person("Gwen"), MODEL, two.policy, NOW)
    assert alias_astray(two.desk, model_state(two.audit, MODEL)) is None


def test_that_the_registry_does_not_answer_stops_no_plan_of_a_refusal_and_is_said(two: Any) -> None:
    two.desk = replace(two.desk, registry=FolderRegistry(two.registry.root))
    two.desk.registry.reachable = False
    vera = two.person("Vera Validator", "validator")
    plan = plan_refuse(Asking(two.desk, vera, lambda: two.policy, NOW, "not good"), MODEL, "3")
    assert (plan.refused, plan.alias) == (None, "not looked at: The registry does not answer.")
    assert plan_suspend(Asking(two.desk, vera, lambda: two.policy, NOW, "bad"), MODEL).alias.startswith("not looked at")
