"""What puts failed batches right: another delivery, or a camera register that knows their cameras.

Belongs here: the remedy in words, from what rejected the rows. Does not: judging again (requalify), or the refusals.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from data_contracts.layers.manifests import BatchManifest

BY_REGISTER = frozenset({"camera_not_registered", "camera_not_in_force", "position_off_register"})


def rejecting(batch: BatchManifest) -> list[tuple[str, int]]:
    """The rules that rejected rows of a batch, most rows first; rules that only warn are left out."""
    from data_contracts.contract.document import rules_that_warn

    counted = ((rule, rows) for rule, rows in batch.rules.items() if rule not in rules_that_warn())
    return sorted(counted, key=lambda rule: (-rule[1], rule[0]))


def by_rule(batch: BatchManifest) -> str:
    """Rejected rows by rule, most first; a row that broke several counts under each."""
    return ", ".join(f"{rule} {rows:,}" for rule, rows in rejecting(batch))


def put_right(batch: BatchManifest) -> str:
    """What puts one failed batch right: the register, another delivery, or both, that of most rejected rows first."""
    rules = [rule for rule, _ in rejecting(batch)]
    by_register = sorted(BY_REGISTER.intersection(rules))
    again = f"have it delivered again, corrected (findprofile ingest --replaces {batch.batch_id})"
    if not rules or rules[0] not in BY_REGISTER:
        then = f"; before that, for {' and '.join(by_register)}, correct the camera register (findprofile cameras load)"
        return f"{again[0].upper()}{again[1:]}{then if by_register else ''}."
    register = (
        "Correct the camera register (findprofile cameras load) and have its rows judged again (findprofile quarantine "
        "release)"
    )
    return (
        f"{register}; if it still fails for the other rules, {again}." if set(rules) - BY_REGISTER else f"{register}."
    )


def remedy(rocu: str, failed: Sequence[BatchManifest]) -> str:
    """How failed batches are put right; where the register led to the refusal, delivering again cures nothing."""
    leading = {rules[0][0] if (rules := rejecting(batch)) else "" for batch in failed}
    said = []
    if named := sorted(leading & BY_REGISTER):
        said.append(
            f"Where {' or '.join(named)} leads, correct the register: findprofile cameras load --rocu {rocu} FILE, "
            f"then findprofile quarantine release --rocu {rocu} --batch BATCH --reason TEXT."
        )
    if leading - BY_REGISTER:
        said.append(
            f"{'Have the others' if said else 'Have them'} delivered again, corrected: "
            f"findprofile ingest --rocu {rocu} --replaces BATCH FILE."
        )
    return " ".join(said)
