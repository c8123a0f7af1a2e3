"""Typing commands in tests as one of the demo people, on a home of their own: the real command line, in process."""

from __future__ import annotations

import json
import os
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from data_contracts.registers.cameras import current_register
from flows.cli import main
from flows.context import open_context
from governance.access.syops import accepted_until, procedures
from governance.audit.log import Entry, open_audit
from infra.clock import utc_now
from infra.database import open_database
from infra.identity import verify_token
from infra.lake import Lake
from infra.settings import Settings
from models.registry import Registry

ROOT = Path(__file__).parents[2]
SMALL = ROOT / "simulation" / "worlds" / "small.yaml"
ROCUS = ("nwrocu", "yhrocu")
AS_OF = "2026-04-05"
MODEL = "county_lines.nwrocu"
ANY_DAY = ("--from", "2015-01-01", "--to", "2026-12-31")
PEOPLE = {
    "engineer": ("Erin Holt", "ml_engineer"),
    "operator": ("Omar Vance", "operator"),
    "validator": ("Grace Lund", "validator"),
    "owner": ("Gareth Pike", "owner"),
    "governance": ("Gwen Shaw", "governance"),
    "auditor": ("Ada Moss", "auditor"),
    "analyst": ("Nils Frost", "analyst"),
}
POLICY = {
    "version": "test-1",
    "shadow_runs": 1,
    "ingest": {"retention_from": "newest_read", "max_quarantine_share": 0.2},
    "training": {"min_holdout_positives": 2, "min_train_positives": 2, "bootstrap_replicates": 40},
    "monitoring": {"span_days": 14},
    "gate": {
        "min_average_precision": 0.01,
        "min_lift_over_baseline": 0.01,
        "min_holdout_positives": 2,
        "min_holdout_reviewed": 5,
        "min_not_yet_known_positives": 1,
        "min_not_yet_known_average_precision": 0.0001,
        "min_not_yet_known_lift_over_chance": 1,
        "max_calibration_error": 0.5,
        "max_loss_to_champion": 0.5,
        "min_seed_overlap": 0,
        "max_shuffled_excess": 0.5,
        "fairness_min_expected": 0.2,
        "max_selection_rate_ratio": 1000,
        "max_thinned_list_replaced": 1,
        "min_list_kept_under_faults": 0,
        "max_precision_lost_under_faults": 0.9,
    },
}

# what the policy of a second version has otherwise: away_km is outside of the change plan
SECOND = {"trees": 60, "away_km": 55}

# tokens by the issuer's key, so that copies of a home share them
_TOKENS: dict[tuple[bytes, str, tuple[str, ...]], str] = {}
# homes and tokens of whom it is known that the procedures are accepted, by the database that says so
_ACCEPTED: set[tuple[Path, str, int]] = set()

# One key for all test homes: tokens decide which unreviewed vehicles are sampled, so another key is another model.
PSEUDONYM_KEY = "5a" * 32


@dataclass(frozen=True)
class Said:
    """What a command printed and how it left."""

    code: int
    out: str
    err: str

    @property
    def data(self) -> Any:
        """The JSON that it printed."""
        return json.loads(self.out)


def run(home: Path, *arguments: str | Path, token: str | None = None, **environment: str) -> Said:
    """Type one command: the real command line, in this process."""
    before_argv, before_env = sys.argv, dict(os.environ)
    out, err = StringIO(), StringIO()
    # a process of a test run in several has the width of a terminal that it does not have
    os.environ.pop("COLUMNS", None)
    os.environ.update(FINDPROFILE_HOME=str(home), FINDPROFILE_PSEUDONYM_KEY=PSEUDONYM_KEY, **environment)
    os.environ.pop("FINDPROFILE_TOKEN", None)
    if token:
        os.environ["FINDPROFILE_TOKEN"] = token
    sys.argv = ["findprofile", *map(str, arguments)]
    code = 0
    try:
        with redirect_stdout(out), redirect_stderr(err):
            main()
    except SystemExit as left:
        code = int(left.code or 0)
    finally:
        sys.argv = before_argv
        os.environ.clear()
        os.environ.update(before_env)
    return Said(code, out.getvalue(), err.getvalue())


def token(home: Path, who: str, *rocus: str) -> str:
    """A token of the embedded issuer for one of the people."""
    name, role = PEOPLE[who]
    named = [part for rocu in rocus or ROCUS for part in ("--rocu", rocu)]
    issuer, day = home / "keys" / "identity_issuer.pem", utc_now().date()
    key = issuer.read_bytes() if issuer.exists() else b""
    if (key, who, rocus, day) not in _TOKENS:
        issued = run(home, "token", "issue", "--name", name, "--role", role, *named)
        assert issued.code == 0, issued.err
        key = issuer.read_bytes()
        _TOKENS[key, who, rocus, day] = issued.out.strip()
    signed = _TOKENS[key, who, rocus, day]
    accept_once(home, signed)
    return signed


def accept_once(home: Path, signed: str) -> None:
    """Whoever acts has accepted the operating procedures; a log that was spoilt takes no acceptance, and needs none."""
    if (home, signed, _database(home)) in _ACCEPTED:
        return
    settings = Settings(home=home)
    engine = open_database(settings)
    accepted = accepted_until(open_audit(settings, engine), verify_token(settings, signed, utc_now()))
    engine.dispose()
    if accepted is None:
        run(home, "syops", "accept", "--version", procedures().version, token=signed)
    _ACCEPTED.add((home, signed, _database(home)))


def _database(home: Path) -> int:
    """Tells the database of a home from another that is put in its place."""
    state = home / "state.db"
    return state.stat().st_ino if state.exists() else 0


@dataclass(frozen=True)
class Loop:
    """A home that the loop has gone through."""

    home: Path
    world: Path

    def __call__(self, who: str | None, *arguments: str | Path, **environment: str) -> Said:
        """Type a command as one of the people; `None` is nobody."""
        signed = token(self.home, who) if who else None
        return run(self.home, *arguments, token=signed, **environment)

    def done(self, who: str, *arguments: str | Path) -> Said:
        """The same, and it must have been done."""
        said = self(who, *arguments)
        assert said.code == 0, f"{arguments}: {said.err}"
        return said

    def bring_into_force(self, model: str, version: str, as_of: str) -> None:
        """Request a version, have it approved by everybody it needs, scored in shadow on one day, and confirmed."""
        self.done("engineer", "promote", "request", model, version)
        self.confirm_requested(model, version, as_of)

    def confirm_requested(self, model: str, version: str, as_of: str) -> None:
        """The same, of a version that is requested."""
        pattern, _, rocu = model.partition(".")
        self.approve(model, version)
        shadow = () if self.champion(model) else ("--shadow",)
        self.done("operator", "score", "--rocu", rocu, "--pattern", pattern, "--as-of", as_of, *shadow)
        self.done("owner", "promote", "confirm", model, version, "--reason", "runs as it should")

    def approve(self, model: str, version: str) -> None:
        """Every approval that a requested version needs."""
        self.done("validator", "promote", "approve", model, version, "--reason", "figures looked at")
        said = self.done("owner", "promote", "approve", model, version, "--reason", "purpose holds", "--json").data
        if said["status"].startswith("awaiting board"):
            self.done("governance", "promote", "approve", model, version, "--reason", "the change is wanted")

    def champion(self, model: str) -> int | None:
        """The version in force."""
        rows = self.done("auditor", "models", "list", "--json").data
        return next((r["version"] for r in rows if r["model"] == model and r["state"] == "champion"), None)


def log_register(home: Path, rocu: str = "nwrocu") -> None:
    """Put on record a camera register that a test loaded without the command, as the command does."""
    digest = current_register(Lake(home / "lake"), rocu).digest
    context = open_context(Settings(home=home, token=token(home, "operator")), lambda _: None)
    what = {"action": "cameras.load", "operation": "collection", "rocu": rocu, "object": f"camera register of {rocu}"}
    entry = Entry.by(context.identity, **what, outcome="done", details={"digest": digest})
    context.audit.append(entry, utc_now())


def authorise(loop: Loop, rocu: str = "nwrocu", pattern: str = "county_lines") -> str:
    """Have the owner grant what `score` needs for a pattern in a ROCU, once per home; its reference."""
    reference = f"TEST/{rocu}/{pattern.replace('_', '')}/1".upper()
    what = ("--rocu", rocu, "--pattern", pattern, "--purpose", "testing")
    loop.done("owner", "authority", "grant", reference, *what, *ANY_DAY)
    return reference


def first_registered(loop: Loop, name: str) -> Path:
    """The one file of this name among those of the first version."""
    first, *_ = Registry(Settings(home=loop.home)).versions(MODEL)
    (found,) = (loop.home / "mlflow-artifacts" / MODEL / first.run_id).rglob(name)
    return found
