"""The step that opens the profile of one vehicle: the entry in the log first, then the facts, then the page."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from flows.context import Context
from flows.steps.desk import policy_of, register_of, require_brought, require_parts_unchanged
from flows.steps.ranked_list import must_not_know_ranks
from flows.steps.recorded_list import NotRecordedError, list_of_day
from flows.steps.results import StepResult
from infra.clock import utc_now
from infra.errors import WrongInputError
from infra.lake import write_text

if TYPE_CHECKING:
    from data_contracts.layers.manifests import PartRef
    from governance.pages.profile import Assessment, ProfilePage, Reason
    from models.patterns import Pattern
    from models.profile import VehicleProfile

NOT_RUN = "No list of this day was made for this pattern."
NOT_LISTED = "The latest list of this day does not have it: it was made from other reads."
NOT_RECORDED = (
    "The list of this day is not the one that the audit log says was made, so nothing of it is shown. Tell governance."
)


class LookAlikeSaid(BaseModel):
    """An innocent explanation: what speaks for it here and against it, and how a person rules it out."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    speaks_for: tuple[str, ...]
    against: tuple[str, ...]
    check: str


class Profiled(StepResult):
    """A profile that was opened, in the order in which it should be read: facts, look-alikes, then the assessment.

    `facts` holds all that the page was drawn from; `doubts` are reasons to think that the reads are wrong. `cautions`,
    `raised` and `lowered` are the sentences of the run. Who reviews gets no rank and no score where a list has vehicles
    drawn at random.
    """

    rocu: str
    pattern: str
    as_of: date
    vehicle: str
    reads: int
    journeys: int
    places: int
    impossible_hops: int
    doubts: tuple[str, ...]
    facts: dict[str, Any]
    look_alikes: tuple[LookAlikeSaid, ...]
    cautions: tuple[str, ...]
    raised: tuple[str, ...]
    lowered: tuple[str, ...]
    rank: int | None
    score: float | None
    run_id: str | None
    not_assessed: str | None
    page: Path

    def links(self) -> dict[str, Path]:
        """The page."""
        return {"profile": self.page}


@dataclass(frozen=True)
class Wanted:
    """Which profile is asked for, and why."""

    rocu: str
    pattern: str
    as_of: date
    vehicle: str
    purpose: str
    authority: str


def open_profile(context: Context, wanted: Wanted, html: Path | None = None) -> Profiled:
    """Open the profile of a vehicle; the log has it before anything is read.

    Args:
        context: Who asks.
        wanted: Which profile, and why.
        html: Where the page goes; by default below the home.

    Raises:
        RefusedError: No permission, purpose or authority, or the lake was changed; the log has it.
        WrongInputError: No such ROCU or pattern, not a vehicle token, or no read of it in the window.
    """
    from governance.access.justification import Asked
    from governance.access.profile_opening import profile_opened
    from governance.pages.profile import render_profile
    from models.patterns import get_pattern

    pattern, policy = get_pattern(wanted.pattern), policy_of(context, wanted.rocu)
    settings: Any = policy.policy.pattern(wanted.pattern)
    if pattern.unit != "vehicle":
        raise WrongInputError(
            f"The pattern {wanted.pattern} is about a {pattern.unit}; a profile is of one vehicle.",
            "Open the profile of each vehicle with a pattern whose unit is a vehicle, such as county_lines.",
        )
    about = {"pattern": wanted.pattern, "as_of": wanted.as_of.isoformat()}
    asked = Asked(wanted.purpose, wanted.authority)
    with profile_opened(context.audit, context.identity, wanted.rocu, wanted.vehicle, asked, policy, utc_now(), about):
        profile = _facts(context, wanted, settings)
        page = _page(context, wanted, pattern, settings, profile)
        target = html or page_path(context, wanted)
        write_text(target, render_profile(page))
    return _result(wanted, page, target)


def page_path(context: Context, wanted: Wanted) -> Path:
    """Where a page goes when nobody says where."""
    folder = context.settings.root / "profiles" / f"rocu={wanted.rocu}" / f"pattern={wanted.pattern}"
    return folder / f"as_of={wanted.as_of.isoformat()}" / f"{wanted.vehicle}.html"


def _facts(context: Context, wanted: Wanted, settings: Any) -> VehicleProfile:
    from data_contracts.layers.reads import layer_parts, layer_parts_of_days
    from infra.engine import open_engine
    from models.profile import build_profile

    parts = _parts(context, wanted, settings.window_days)
    first = wanted.as_of - timedelta(days=settings.window_days - 1)
    notes = layer_parts_of_days(context.lake, wanted.rocu, "notes", first, wanted.as_of)
    set_apart = layer_parts(context.lake, wanted.rocu, "quarantine")
    used = (*parts, *notes, *set_apart)
    require_brought(context, "ingest", wanted.rocu, used)
    require_parts_unchanged(context, used)
    with open_engine(context.settings) as connection:
        return build_profile(
            connection,
            context.lake,
            parts,
            register_of(context, wanted.rocu),
            wanted.vehicle,
            wanted.pattern,
            wanted.as_of,
            settings,
            set_apart,
            notes,
        )


def _parts(context: Context, wanted: Wanted, window_days: int) -> tuple[PartRef, ...]:
    from data_contracts.layers.reads import read_parts

    return read_parts(context.lake, wanted.rocu, wanted.as_of - timedelta(days=window_days - 1), wanted.as_of)


def _page(context: Context, wanted: Wanted, pattern: Pattern, settings: Any, profile: VehicleProfile) -> ProfilePage:
    from data_contracts.layers.reads import standing_failures
    from data_contracts.registers.regions import require_rocu
    from governance.pages.profile import Opened, ProfilePage
    from models.profile import rows_set_apart, weigh_look_alikes
    from models.profile.reasons import sentences_again

    assessment, why_not = _assessment(context, wanted, profile, sentences_again(profile, pattern, settings))
    return ProfilePage(
        region=require_rocu(wanted.rocu, wanted.as_of).name,
        title=pattern.title,
        profile=profile,
        look_alikes=weigh_look_alikes({**profile.settings, **profile.features}),
        assessment=assessment,
        not_assessed=why_not,
        words=pattern.words(settings),
        opened=Opened(context.identity.name, context.now, wanted.purpose, wanted.authority),
        data_notes=(
            *rows_set_apart(profile.faults),
            *(
                f"Batch {batch.batch_id} failed its contract: its {batch.rows:,} reads are not on this page."
                for batch in standing_failures(context.lake, wanted.rocu, profile.days[0], profile.as_of)
            ),
        ),
    )


def _assessment(
    context: Context, wanted: Wanted, profile: VehicleProfile, again: frozenset[str]
) -> tuple[Assessment | None, str]:
    """What the latest list of the day says of the vehicle, or why there is nothing to say."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from governance.pages.profile import Assessment, Reason

    try:
        scores = list_of_day(context, wanted.rocu, wanted.pattern, wanted.as_of)
    except WrongInputError:
        return None, NOT_RUN
    except NotRecordedError:
        return None, NOT_RECORDED
    rows = pq.read_table(pa.BufferReader(scores), filters=[("vehicle", "=", wanted.vehicle)]).to_pylist()
    if not rows:
        return None, NOT_LISTED
    (row,), file = rows, pq.ParquetFile(pa.BufferReader(scores))
    if must_not_know_ranks(context.identity, file.read(columns=["selected_by"])):
        row |= {"rank": None, "score": None}

    def told(texts: list[str]) -> tuple[Reason, ...]:
        return tuple(Reason(text, text in again) for text in texts)

    return (
        Assessment(
            **{name: row[name] for name in _FROM_ROW},
            vehicles=file.metadata.num_rows,
            scored_at=(file.schema_arrow.metadata or {}).get(b"scored_at", b"not recorded").decode(),
            cautions=told(row["cautions"]),
            reasons=told(row["reasons"]),
            against=told(row["against"]),
            same_data=row["data_digest"] == profile.data_digest,
        ),
        "",
    )


_FROM_ROW = (
    "rank",
    "score",
    "model",
    "version",
    "model_sha256",
    "run_id",
    "contract_version",
    "data_digest",
    "commit",
)


def _result(wanted: Wanted, page: ProfilePage, target: Path) -> Profiled:
    profile, assessment = page.profile, page.assessment
    facts = {name: value for name, value in asdict(profile).items() if name not in ("estate", "settings")}
    return Profiled(
        rocu=wanted.rocu,
        pattern=wanted.pattern,
        as_of=wanted.as_of,
        vehicle=wanted.vehicle,
        reads=len(profile.reads),
        journeys=len(profile.journeys),
        places=len(profile.places),
        impossible_hops=len(profile.faults.hops),
        doubts=(*profile.faults.sentences, *page.data_notes),
        facts=facts,
        look_alikes=tuple(
            LookAlikeSaid(
                name=one.name,
                speaks_for=tuple(text for text, _ in one.speaks_for),
                against=tuple(text for text, _ in one.against),
                check=one.check,
            )
            for one in page.look_alikes
        ),
        cautions=_texts(assessment.cautions if assessment else ()),
        raised=_texts(assessment.reasons if assessment else ()),
        lowered=_texts(assessment.against if assessment else ()),
        rank=assessment.rank if assessment else None,
        score=assessment.score if assessment else None,
        run_id=assessment.run_id if assessment else None,
        not_assessed=page.not_assessed or None,
        page=target,
    )


def _texts(reasons: tuple[Reason, ...]) -> tuple[str, ...]:
    return tuple(reason.text for reason in reasons)
