"""The gate: a pure function from evidence to a decision, line by line.

Each line says what it checks, the limit, where the limit comes from, the value, and passed, refused or missing. One
line that did not pass refuses the whole. Nothing here reads a clock, a file or a database, and no line can be switched
off.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from governance.gate.evidence import (
    ChampionMeasured,
    ChampionUnreachable,
    Evidence,
    Figure,
    Frozen,
    NoChampion,
    NotYetKnown,
    Performance,
    present,
)
from governance.gate.line import POLICY, GateLine, Result, not_passed
from governance.gate.line import at_least as _at_least
from governance.gate.line import at_most as _at_most
from governance.gate.line import line as _line
from governance.gate.record import record_lines
from governance.gate.trials import trial_lines
from governance.policy.gate_limits import GateLimits

__all__ = ["Decision", "GateLine", "Result", "decide"]


class Decision(Frozen):
    """The outcome with every line."""

    outcome: Literal["passed", "refused"]
    lines: tuple[GateLine, ...]

    @property
    def reasons(self) -> tuple[str, ...]:
        """One sentence for each line that did not pass."""
        return not_passed(line.model_dump() for line in self.lines)


def decide(evidence: Evidence, limits: GateLimits) -> Decision:
    """Hold evidence against limits.

    Args:
        evidence: What is known about the challenger.
        limits: The gate part of the policy in force.
    """
    lines = (
        *_provenance(evidence),
        *_data(evidence, limits),
        *_floors(evidence.challenger, limits),
        *_against_champion(evidence, limits),
        *trial_lines(evidence, limits),
        *record_lines(evidence, limits),
        *_documents(evidence, limits),
    )
    passed = all(line.result == "passed" for line in lines)
    return Decision(outcome="passed" if passed else "refused", lines=lines)


def _provenance(evidence: Evidence) -> Iterator[GateLine]:
    rule = "rule of the product"
    belongs = evidence.model == f"{evidence.pattern}.{evidence.rocu}"
    yield _line("model of this ROCU", "name, pattern and ROCU agree", "they agree", rule, evidence.model, belongs)
    yield _line(
        "signature",
        "the model's folder carries a valid signature",
        "verified",
        rule,
        {True: "verified", False: "not valid", None: "not checked"}[evidence.signature_verified],
        evidence.signature_verified,
    )
    digests = {
        "model digest": ("the text of the model is named by its digest", evidence.model_sha256),
        "training inputs": ("the pinned inputs are named by their digest", evidence.inputs_digest),
        "training snapshot": ("the rows trained on are named by their digest", evidence.snapshot_digest),
        "hold-out": ("the rows tested on are named by their digest", evidence.challenger.holdout_digest),
        "policy": ("the policy in force is named by its digest", evidence.policy_digest),
        "commit": ("the code that trained it is known", evidence.commit),
        "trainer": ("who trained it is known, so that they cannot approve it", evidence.trainer),
    }
    for name, (what, value) in digests.items():
        yield _line(name, what, "recorded", rule, value or "not recorded", True if value else None)


def _data(evidence: Evidence, limits: GateLimits) -> Iterator[GateLine]:
    data = evidence.data
    judged = sum(data.batches.values())
    yield _line(
        "data contracts",
        "the batches trained on were judged by a contract",
        "at least 1 batch, every contract version known",
        "rule of the product",
        f"{judged} {'batch' if judged == 1 else 'batches'}, contract {', '.join(data.contract_versions) or 'unknown'}",
        True if judged > 0 and data.contract_versions else None,
    )
    standing = None if data.standing_failures is None else len(data.standing_failures)
    yield _at_most("standing failures", "failed batches that nothing replaced", standing, limits.max_standing_failures)


def _floors(challenger: Performance, limits: GateLimits) -> Iterator[GateLine]:
    yield _at_least(
        "hold-out positives", "confirmed vehicles in the hold-out", challenger.positives, limits.min_holdout_positives
    )
    yield _at_least(
        "hold-out reviewed", "vehicles with a finding in the hold-out", challenger.reviewed, limits.min_holdout_reviewed
    )
    yield _at_least(
        "average precision",
        "of the challenger on the hold-out",
        _value(challenger.average_precision),
        limits.min_average_precision,
    )
    yield _at_least(
        "lift over baseline",
        "precision at capacity, divided by that of the written-down rule",
        _value(challenger.lift_over_baseline),
        limits.min_lift_over_baseline,
        "times the rule",
    )
    yield _at_most(
        "calibration error",
        "expected gap between score and share confirmed",
        _value(challenger.calibration_error),
        limits.max_calibration_error,
    )
    yield from _new_vehicles(challenger.not_yet_known, limits)


def _new_vehicles(found: NotYetKnown | None, limits: GateLimits) -> Iterator[GateLine]:
    """The floors for vehicles that training had no finding about. A figure that too few of them give is missing."""
    precision = _value(found.average_precision) if found else None
    base_rate = _value(found.base_rate) if found else None
    yield _at_least(
        "not yet known positives",
        "confirmed vehicles in the hold-out that training had no finding about",
        found.positives if found else None,
        limits.min_not_yet_known_positives,
    )
    yield _at_least(
        "not yet known average precision",
        "of the challenger on vehicles that training had no finding about",
        precision,
        limits.min_not_yet_known_average_precision,
    )
    yield _at_least(
        "not yet known lift over chance",
        "that average precision, divided by that of a random order",
        precision / base_rate if precision is not None and base_rate and base_rate > 0 else None,
        limits.min_not_yet_known_lift_over_chance,
        "times chance",
    )


def _against_champion(evidence: Evidence, limits: GateLimits) -> Iterator[GateLine]:
    champion, rule = evidence.champion, "rule of the product"
    reachable = "the champion can be read and scored"
    if isinstance(champion, NoChampion):
        yield _line("champion", reachable, "reachable, or none promoted yet", rule, "none promoted yet", True)
    elif isinstance(champion, ChampionMeasured):
        yield _line("champion", reachable, "reachable, or none promoted yet", rule, f"version {champion.version}", True)
        same = bool(champion.performance.holdout_digest) and (
            champion.performance.holdout_digest == evidence.challenger.holdout_digest
        )
        yield _line(
            "same hold-out",
            "champion and challenger are measured on the same rows",
            "the same digest",
            rule,
            "the same" if same else "different",
            same,
        )
        low = champion.difference.low if champion.difference is not None else None
        yield _loss(low, 0.0 - limits.max_loss_to_champion)
    else:
        reason = champion.reason if isinstance(champion, ChampionUnreachable) else "unknown state"
        yield _line("champion", reachable, "reachable, or none promoted yet", rule, reason, None)


def _loss(low: float | None, least: float) -> GateLine:
    known = low if low is not None and present(low) else None
    return _line(
        "loss to champion",
        "average precision against the champion's on the same rows: where it is at worst, by the lower end of the "
        "paired 95 % interval of challenger minus champion",
        f"at worst {_beside(least)} the champion",
        POLICY,
        "not measured" if known is None else f"at worst {_beside(known, 4)} the champion",
        None if known is None else known >= least,
    )


def _beside(difference: float, places: int | None = None) -> str:
    """Above or below, never a minus: of a loss, people take a minus for the better way or the worse."""
    if difference == 0:
        return "level with"
    size = f"{abs(difference):g}" if places is None else f"{abs(difference):.{places}f}"
    return f"{size} {'below' if difference < 0 else 'above'}"


def _documents(evidence: Evidence, limits: GateLimits) -> Iterator[GateLine]:
    there = {document.name: document.sha256 for document in evidence.documents}
    for name in limits.required_documents:
        digest = there.get(name)
        yield _line(
            f"document {name}", "is there", "present", "policy", digest or "not there", True if digest else None
        )


def _value(figure: Figure | None) -> float | None:
    return figure.value if figure is not None else None
