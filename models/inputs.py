"""The pinned inputs of one training run: every part by its SHA-256, every setting by its value.

From these, and the code, the model follows; nothing else may have a say. Belongs here: choosing the window ends and
parts from the lake, and checking later that they are still the same. Does not: building anything from them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, date, timedelta
from typing import Any

from pydantic import BaseModel, ConfigDict

from data_contracts.layers.manifests import PartRef
from data_contracts.layers.reads import contract_versions, read_parts
from infra.errors import RefusedError, WrongInputError
from infra.lake import Lake, file_sha256
from models.labels import Finding, standing_findings
from models.training_settings import TrainingSettings
from models.units import Unit, is_about


class TrainingInputs(BaseModel):
    """Everything that a training run is made from. Frozen; its digest names the run.

    Args:
        window_ends: Ends of the windows to use, oldest first.
        register_digest: The camera register that stood when the inputs were pinned, if any.
        capacity: Vehicles that the ROCU's analysts can look at per window, the k of precision@k.
        policy_digest: Of the ROCU's policy from which the settings were taken.
        contract_versions: Of the contracts that accepted the reads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    rocu: str
    pattern: str
    as_of: date
    window_ends: tuple[date, ...]
    reads: tuple[PartRef, ...]
    dispositions: tuple[PartRef, ...]
    register_digest: str | None
    pattern_settings: dict[str, Any]
    training: TrainingSettings
    capacity: int
    policy_digest: str
    contract_versions: tuple[str, ...]

    @property
    def model(self) -> str:
        """The name under which the model is registered."""
        return f"{self.pattern}.{self.rocu}"

    @property
    def digest(self) -> str:
        """SHA-256 over the inputs as written."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """The inputs as text, always the same for the same inputs."""
        return self.model_dump_json(indent=1) + "\n"


def pin_inputs(
    lake: Lake,
    rocu: str,
    pattern: str,
    as_of: date,
    pattern_settings: BaseModel,
    training: TrainingSettings,
    capacity: int,
    policy_digest: str,
) -> TrainingInputs:
    """Choose the window ends and pin every part that they need, as the lake stands now.

    Window ends are those that analysts decided about by the end of `as_of` and for which the lake has reads on enough
    days of the window; the latest of them are taken.

    Raises:
        RefusedError: No findings by `as_of`, or too few window ends with reads.
    """
    from models.patterns import get_pattern

    dispositions, unit = _disposition_parts(lake, rocu), get_pattern(pattern).unit
    findings = standing_findings(read_findings(lake, dispositions, unit), as_of)
    decided = sorted(
        {finding.window_end for found in findings.values() for finding in found if finding.window_end <= as_of}
    )
    if not decided:
        raise RefusedError(
            f"{rocu} has no findings about a {unit} decided by {as_of.isoformat()}.",
            "Load dispositions first (findprofile dispositions load), or take a later date.",
        )
    days = int(pattern_settings.model_dump()["window_days"])
    parts = read_parts(lake, rocu, decided[0] - timedelta(days=days - 1), decided[-1])
    window_ends = _covered(decided, parts, days, training)
    if len(decided) < 2:
        raise RefusedError(
            f"{rocu} has findings about one window only, that to {decided[0].isoformat()}, as of {as_of.isoformat()}; "
            "a time split needs two.",
            "Load findings about an earlier or a later window as well: the last is held out to test on.",
        )
    if len(window_ends) < 2:
        raise RefusedError(
            f"{rocu} has {len(window_ends)} reviewed windows with enough reads as of {as_of.isoformat()}; "
            "a time split needs two.",
            "Ingest the reads of the reviewed weeks, or lower training.min_window_cover in the ROCU's policy.",
        )
    parts = tuple(part for part in parts if _in_span(part, window_ends[0], window_ends[-1], days))
    return TrainingInputs(
        rocu=rocu,
        pattern=pattern,
        as_of=as_of,
        window_ends=window_ends,
        reads=parts,
        dispositions=dispositions,
        register_digest=_register_digest(lake, rocu),
        pattern_settings=pattern_settings.model_dump(mode="json"),
        training=training,
        capacity=capacity,
        policy_digest=policy_digest,
        contract_versions=contract_versions(lake, rocu, parts),
    )


def _covered(
    decided: Sequence[date], parts: Sequence[PartRef], days: int, training: TrainingSettings
) -> tuple[date, ...]:
    with_reads = {part.date for part in parts if part.rows}

    def cover(end: date) -> float:
        return sum(end - timedelta(days=back) in with_reads for back in range(days)) / days

    kept = [end for end in decided if cover(end) > 0 and cover(end) >= training.min_window_cover]
    return tuple(kept[-training.latest_window_ends :])


def _in_span(part: PartRef, first_end: date, last_end: date, days: int) -> bool:
    return part.date is not None and first_end - timedelta(days=days - 1) <= part.date <= last_end


def window_parts(parts: Sequence[PartRef], window_end: date, window_days: int) -> tuple[PartRef, ...]:
    """The reads parts of one window: those of its days, both ends included."""
    return tuple(part for part in parts if _in_span(part, window_end, window_end, window_days))


def _disposition_parts(lake: Lake, rocu: str) -> tuple[PartRef, ...]:
    from data_contracts.dispositions import disposition_parts

    return disposition_parts(lake, rocu)


def _register_digest(lake: Lake, rocu: str) -> str | None:
    from data_contracts.registers.cameras import current_register

    try:
        return current_register(lake, rocu).digest
    except (RefusedError, WrongInputError):
        return None


def read_findings(lake: Lake, parts: Sequence[PartRef], unit: Unit = "vehicle") -> list[Finding]:
    """All findings about this unit in these disposition parts, in the order of the parts."""
    import pyarrow.parquet as pq

    findings = []
    for part in parts:
        table = pq.read_table(lake.root / part.path, columns=["vehicle", "window_end", "finding", "decided_at"])
        findings += [
            Finding(row["vehicle"], row["window_end"], row["finding"], row["decided_at"].replace(tzinfo=UTC))
            for row in table.to_pylist()
            if is_about(row["vehicle"], unit)
        ]
    return findings


def require_unchanged(lake: Lake, inputs: TrainingInputs) -> None:
    """Check that every pinned part is there with the pinned content.

    Raises:
        RefusedError: Parts are missing or changed; names them.
    """
    problems = []
    for part in (*inputs.reads, *inputs.dispositions):
        path = lake.root / part.path
        if not path.is_file():
            problems.append(f"{part.path} is missing")
        elif file_sha256(path) != part.sha256:
            problems.append(f"{part.path} has changed")
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise RefusedError(
            f"The pinned inputs of {inputs.model} are not as they were: {'; '.join(problems[:5])}{more}.",
            "Restore these files from a backup, or train a new version from the lake as it is.",
        )
