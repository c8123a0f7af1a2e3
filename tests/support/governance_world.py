"""A world in which versions are requested, approved, shadowed and promoted: real tokens, a real log, folders.

Belongs here: the world, the stories that many tests begin with, and the makers of good records. Does not: fixtures.
"""

from __future__ import annotations

import base64
import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from record_results import change, good_record
from sqlalchemy import Engine, text
from trial_results import good_trials

from governance.audit.log import AuditLog, open_audit
from governance.gate.change_plan import Change
from governance.gate.evidence import (
    Champion,
    ChampionMeasured,
    DataVerdicts,
    Evidence,
    Figure,
    NoChampion,
    NotYetKnown,
    Performance,
)
from governance.policy.document import LoadedPolicy
from governance.promotion.confirmation import confirm, record_shadow_run
from governance.promotion.details import ShadowDetails
from governance.promotion.record import Act, Desk
from governance.promotion.requests import approve, request
from governance.promotion.state import VersionState, model_state
from infra.database import open_database
from infra.errors import FaultError, RefusedError
from infra.identity import Identity, issue_token, verify_token
from infra.lake import Lake
from infra.settings import Settings
from models.version_files import NoVersionError

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
MODEL = "county_lines.nwrocu"


class FolderRegistry:
    """A registry of signed models in a folder: `<model>/<version>/model.txt`, its signature, and an alias file."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.key = Ed25519PrivateKey.generate()
        self.reachable = True

    def add(self, model: str, version: str, content: str) -> str:
        folder = self.root / model / version
        folder.mkdir(parents=True)
        (folder / "model.txt").write_text(content)
        (folder / "signature").write_bytes(base64.b64encode(self.key.sign(content.encode())))
        return hashlib.sha256(content.encode()).hexdigest()

    def text_path(self, model: str, version: str) -> Path:
        self._require_reachable()
        path = self.root / model / version / "model.txt"
        if not path.exists():
            raise NoVersionError(f"There is no {model} version {version}.", "Name another.")
        return path

    def model_text(self, model: str, version: str) -> str:
        return self.text_path(model, version).read_text()

    def verify_signature(self, model: str, version: str) -> None:
        path = self.text_path(model, version)
        signature = base64.b64decode((path.parent / "signature").read_bytes())
        try:
            self.key.public_key().verify(signature, path.read_bytes())
        except InvalidSignature:
            raise RefusedError(f"The signature of {model} version {version} does not verify.", "Retrain.") from None

    def champion_version(self, model: str) -> str | None:
        self._require_reachable()
        alias = self.root / model / "champion"
        return alias.read_text() if alias.exists() else None

    def set_champion(self, model: str, version: str) -> None:
        self._require_reachable()
        (self.root / model / "champion").write_text(version)

    def remove_champion(self, model: str) -> None:
        self._require_reachable()
        (self.root / model / "champion").unlink()

    def _require_reachable(self) -> None:
        if not self.reachable:
            raise FaultError("The registry does not answer.", "Try again.")


@dataclass
class World:
    """A desk with people around it, and short ways to do what a story needs."""

    folder: Path
    settings: Settings
    lake: Lake
    engine: Engine
    desk: Desk
    registry: FolderRegistry
    policy: LoadedPolicy
    stories: Stories

    def told(self, story: str) -> None:
        """Take the place of a world in which a story of `STORIES` was told; this one's own beginnings are gone."""
        folder, key = self.stories.of(story)
        self.engine.dispose()
        shutil.rmtree(self.folder)
        shutil.copytree(folder, self.folder)
        self.registry.key = key
        self.engine = open_database(self.settings)
        self.desk = Desk(open_audit(self.settings, self.engine), self.lake, self.registry)

    @property
    def audit(self) -> AuditLog:
        return self.desk.audit

    def behind_its_back(self, *statements: str) -> None:
        """What the owner of the database can do to the log: its rules are off for so long."""
        with self.engine.begin() as connection:
            rules = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
            for name, _ in rules:
                connection.exec_driver_sql(f"DROP TRIGGER {name}")
            for statement in statements:
                connection.exec_driver_sql(statement)
            for _, sql in rules:
                connection.exec_driver_sql(sql)

    def person(self, name: str, *roles: str, rocu: str = "nwrocu", hours: int = 8, at: datetime = NOW) -> Identity:
        token = issue_token(self.settings, name, roles or ("governance",), (rocu,), timedelta(hours=hours), at)
        return verify_token(self.settings, token, at)

    @property
    def engineer(self) -> Identity:
        return self.person("Edda Engineer", "ml_engineer")

    def evidence(self, version: str = "1", champion: Champion | None = None, **changes: object) -> Evidence:
        """Good evidence about a version, which is registered with a text of its own if it is not there yet."""
        folder = self.registry.root / MODEL / version
        content = f"tree of version {version}"
        sha256 = hashlib.sha256(content.encode()).hexdigest()
        if not folder.exists():
            self.registry.add(MODEL, version, content)
        values: dict[str, object] = {
            "version": version,
            "model_sha256": sha256,
            "policy_digest": self.policy.digest,
            "champion": champion or NoChampion(),
        }
        return make_evidence(**{**values, **changes})

    def measured(self, version: str, low: float = -0.01) -> ChampionMeasured:
        performance = make_performance()
        return ChampionMeasured(
            version=version,
            model_sha256="c" * 64,
            performance=performance,
            difference=Figure(value=0.02, low=low, high=0.1),
        )

    def requested(
        self, version: str = "1", champion: Champion | None = None, at: datetime = NOW, **changes: object
    ) -> None:
        engineer = self.person("Edda Engineer", "ml_engineer", at=at)
        outcome = request(self.desk, engineer, self.evidence(version, champion, **changes), self.policy, at)
        assert outcome.decision.outcome == "passed", outcome.decision.reasons

    def approve(self, *whose: str, version: str = "1", at: datetime = NOW) -> VersionState:
        """Approved as `validator`, `owner` or `governance`, each by the person of the story who is one."""
        for role in whose:
            name, given = DECIDERS[role], role.removeprefix("second ")
            approve(self.desk, self.person(name, given, at=at), MODEL, version, self.policy, at, comment="looked at")
        return model_state(self.audit, MODEL).version(version)

    def approved(
        self, version: str = "1", champion: Champion | None = None, at: datetime = NOW, **changes: object
    ) -> None:
        """With every approval that the gate asked for."""
        self.requested(version, champion, at, **changes)
        parts = model_state(self.audit, MODEL).version(version).gate.parts
        self.approve(
            "validator", "owner", *("governance", "second governance")[: len(parts) - 2], version=version, at=at
        )

    def shadowed(self, version: str = "1", days: int = 3, at: datetime = NOW, **changes: object) -> VersionState:
        """Scored in shadow on so many days more."""
        state = model_state(self.audit, MODEL)
        found = state.version(version)
        for day in range(len(found.shadows), len(found.shadows) + days):
            details = shadow_details(found, state.champion, day, **changes)
            act = Act(self.person("Olga Operator", "operator", at=at), "promote.shadow", MODEL, version, at)
            found = record_shadow_run(self.desk, act, details)
        return found

    def confirmed(self, version: str = "1", at: datetime = NOW, name: str = "Olive Owner") -> VersionState:
        return confirm(self.desk, self.person(name, "owner", at=at), MODEL, version, "runs well", self.policy, at)

    def promoted(
        self, version: str = "1", champion: Champion | None = None, at: datetime = NOW, **changes: object
    ) -> None:
        self.approved(version, champion, at, **changes)
        self.shadowed(version, at=at)
        self.confirmed(version, at)


class Stories:
    """Each story is told once, in a world that is kept."""

    def __init__(self, root: Path, policy: LoadedPolicy) -> None:
        self.root, self.policy = root, policy
        self.keys: dict[str, Ed25519PrivateKey] = {}

    def of(self, story: str) -> tuple[Path, Ed25519PrivateKey]:
        """The folder of the world in which it was told, which nobody has open, and the key of its registry."""
        if story not in self.keys:
            with opened_world(self.root / story, self.policy, self) as world:
                STORIES[story](world)
                self.keys[story] = world.registry.key
        return self.root / story, self.keys[story]


def _shadowed(world: World) -> None:
    world.approved()
    world.shadowed()


def _in_turn(*versions: str) -> Callable[[World], None]:
    def tell(world: World) -> None:
        before = None
        for version in versions:
            world.promoted(version, before)
            before = world.measured(version)

    return tell


STORIES: dict[str, Callable[[World], None]] = {
    "requested": World.requested,
    "approved": World.approved,
    "shadowed": _shadowed,
    "promoted": World.promoted,
    "two promoted": _in_turn("1", "2"),
    "three promoted": _in_turn("1", "2", "3"),
}


@contextmanager
def opened_world(folder: Path, policy: LoadedPolicy, stories: Stories) -> Iterator[World]:
    """A new world, until the end of the block."""
    settings = Settings(home=folder / "home")
    engine = open_database(settings)
    registry = FolderRegistry(folder / "registry")
    lake = Lake(settings.lake)
    with ExitStack() as opened:
        opened.callback(engine.dispose)
        desk = Desk(open_audit(settings, engine), lake, registry)
        world = World(folder, settings, lake, engine, desk, registry, policy, stories)
        # a test may have opened another
        opened.callback(lambda: world.engine.dispose())
        yield world


DECIDERS = {
    "validator": "Vera Validator",
    "owner": "Olive Owner",
    "governance": "Gwen Governor",
    "second governance": "Gareth Governor",
}


def make_change(board_needed: bool = False, champion: str = "1") -> Change:
    """What changed against a champion: inside the change plan, or not."""
    return change(champion, board=board_needed)


def shadow_details(found: VersionState, champion: str | None, day: int, **changes: object) -> ShadowDetails:
    values: dict[str, object] = {
        "run_id": f"{day:016x}",
        "as_of": (date(2026, 11, 1) + timedelta(days=day)).isoformat(),
        "model_sha256": found.gate.model_sha256,
        "evidence_digest": found.gate.evidence_digest,
        "data_digest": "d" * 64,
        "scores_sha256": "5" * 64,
        "k": 20,
        "vehicles": 900,
        "failures": 0,
        "champion": champion,
        "champion_run": f"{day:015x}c" if champion else None,
        "overlap_at_k": 0.75 if champion else None,
        "share_new": 0.25 if champion else None,
        "rank_correlation": 0.5 if champion else None,
    }
    return ShadowDetails.model_validate({**values, **changes})


def make_not_yet_known(**changes: object) -> NotYetKnown:
    values: dict[str, object] = {
        "vehicles": 900,
        "positives": 6,
        "base_rate": Figure(value=0.01, low=0.005, high=0.015),
        "average_precision": Figure(value=0.2, low=0.1, high=0.3),
        "precision_at_k": Figure(value=0.2, low=0.1, high=0.3),
        "recall_at_k": Figure(value=0.2, low=0.1, high=0.3),
        "lift_over_baseline": Figure(value=1.4, low=0.9, high=2.0),
    }
    return NotYetKnown.model_validate({**values, **changes})


def make_performance(**changes: object) -> Performance:
    values: dict[str, object] = {
        "holdout_digest": "h" * 64,
        "window_ends": (date(2026, 11, 2), date(2026, 11, 9)),
        "k": 20,
        "positives": 12,
        "reviewed": 90,
        "average_precision": Figure(value=0.5, low=0.4, high=0.6),
        "precision_at_k": Figure(value=0.5, low=0.4, high=0.6),
        "recall_at_k": Figure(value=0.5, low=0.4, high=0.6),
        "lift_over_baseline": Figure(value=1.8, low=1.2, high=2.4),
        "calibration_error": Figure(value=0.05, low=0.02, high=0.09),
        "not_yet_known": make_not_yet_known(),
    }
    return Performance.model_validate({**values, **changes})


def make_evidence(**changes: object) -> Evidence:
    values: dict[str, object] = {
        "model": MODEL,
        "version": "1",
        "rocu": "nwrocu",
        "pattern": "county_lines",
        "model_sha256": "a" * 64,
        "inputs_digest": "b" * 64,
        "snapshot_digest": "d" * 64,
        "data": DataVerdicts(
            batches={"passed": 50, "passed_with_quarantine": 6, "failed": 0},
            standing_failures=(),
            contract_versions=("1.0.0",),
        ),
        "challenger": make_performance(),
        "champion": NoChampion(),
        "signature_verified": True,
        "commit": "e" * 40,
        "trainer": "embedded:tess trainer",
        "policy_digest": "f" * 64,
        "trained_as_of": date(2026, 11, 1),
    }
    tried = good_trials(str(changes.get("model_sha256", values["model_sha256"])))
    given = {**values, **tried, **changes}
    record = good_record(str(given["model_sha256"]), str(given["rocu"]), given["champion"])
    return Evidence.model_validate({**record, **given})
