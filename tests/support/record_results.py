"""Made-up results about a version's record that a gate lets through, for tests that need no training."""

from __future__ import annotations

from typing import Any

from governance.gate.change_plan import Change, Changed
from governance.gate.evidence import ChampionMeasured, MadeAgain, MadeDocument
from governance.policy.strictness import PolicyDifference
from models.assurance.results import Explained, Refit

MADE = ("model card", "atrs record", "change-plan report")


def refit(model_sha256: str, **changes: Any) -> Refit:
    values = {"model_sha256": model_sha256, "again_sha256": model_sha256, "rows": 900, "lightgbm_version": "4.6.0"}
    return Refit.model_validate({**values, **changes})


def explained(model_sha256: str, **changes: Any) -> Explained:
    values = {"model_sha256": model_sha256, "rows": 40, "without_facts": 0, "largest_gap": 1e-12}
    return Explained.model_validate({**values, **changes})


def made_again(same: bool = True) -> MadeAgain:
    return MadeAgain(same=same, seq=7, at="2026-11-20T08:00:00.000000Z", by="embedded:ada")


def changed(aspect: str = "data window", inside: bool = True) -> Changed:
    return Changed(aspect=aspect, what=aspect, before="then", after="now", inside=inside, limit="as the plan says")


def change(champion: str = "1", *, board: bool = False) -> Change:
    """A change against a champion; `board` for one outside the plan."""
    found = (changed(), changed("features", inside=False)) if board else (changed(),)
    return Change(compared_with=champion, changed=found, limits_digest="1" * 64)


def difference(key: str = "gate.min_average_precision", direction: str = "weaker") -> PolicyDifference:
    return PolicyDifference.model_validate({"key": key, "usual": "0.2", "own": "0.1", "direction": direction})


def made_documents(missing: int = 3) -> tuple[MadeDocument, ...]:
    return tuple(MadeDocument(name=name, sha256="2" * 64, fields=30, missing=missing) for name in MADE)


def good_record(model_sha256: str, rocu: str, champion: object) -> dict[str, Any]:
    """Everything about the record with results that pass, as the evidence names them."""
    return {
        "refit": refit(model_sha256),
        "explained": explained(model_sha256),
        "data_rocus": (rocu,),
        "change": change(champion.version) if isinstance(champion, ChampionMeasured) else None,
        "policy_differences": (),
        "made_documents": made_documents(),
    }
