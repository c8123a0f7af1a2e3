"""The step that ranks the vehicles of a window. Its list is read in `ranked_list`.

Versions in shadow are scored on the same windows (`shadow`), after the champion's list is in place.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flows.context import Context, acting, days_watched
from flows.steps.authority import Planned, authorised
from flows.steps.desk import (
    open_desk,
    part_datasets,
    policy_of,
    require_brought,
    require_no_failure,
    require_parts_unchanged,
)
from flows.steps.recorded_list import HeldList, digests, held_list, page_of, was_made
from flows.steps.scored import Scored
from flows.steps.shadow import Beside, ShadowRun, ShadowScored, Windows, score_shadows
from flows.steps.trained import code_of_rows
from infra.clock import utc_now
from infra.errors import RefusedError, WrongInputError
from infra.lake import write_text

if TYPE_CHECKING:
    import pyarrow as pa

    from data_contracts.layers.manifests import PartRef
    from governance.access.run_authority import RunAuthority
    from governance.lineage.events import DatasetRef
    from governance.policy.document import LoadedPolicy
    from governance.promotion.verification import Candidate, Champion
    from models.scoring import Provenance
    from models.units import Unit


@dataclass(frozen=True)
class MadeBy:
    """What lets a list be made, and what it is made from."""

    champion: Champion
    authority: RunAuthority
    provenance: Provenance


def score(context: Context, rocu: str, pattern: str, as_of: date, shadow: bool = False) -> Scored | ShadowScored:
    """Verify authority and champion, rank the vehicles of the window, explain the first. Done once per model and data.

    Both are verified again before the list is put in place: what was stopped while it was made leaves no list.
    Versions in shadow are scored on the same windows; what goes wrong with them is recorded and stops nothing.

    Args:
        context: Who acts.
        rocu: The ROCU whose reads are scored.
        pattern: The pattern.
        as_of: Last day of the window.
        shadow: Score only versions in shadow, for a model that has no champion yet.

    Raises:
        RefusedError: No permission, no authority that covers the run, no champion that verifies, or a failed batch of
            that day stands.
        WrongInputError: No such ROCU or pattern, or no reads of that date.
        FaultError: The registry or the lake does not answer.
    """
    from data_contracts.registers.regions import require_rocu
    from governance.lineage.events import RunFacts
    from models.patterns import get_pattern

    get_pattern(pattern)
    require_rocu(rocu, context.now.date())
    with (
        acting(context, "score", rocu, "combination", f"{pattern}.{rocu}") as details,
        context.lineage.attempt("score", rocu, tuple, utc_now) as attempt,
    ):
        details["as_of"] = as_of.isoformat()
        attempt.facts = RunFacts(model=f"{pattern}.{rocu}", pattern=pattern, as_of=as_of.isoformat())
        policy = policy_of(context, rocu)
        settings: Any = policy.policy.pattern(pattern)
        require_no_failure(context, rocu, as_of, as_of)
        parts = _parts(context, rocu, as_of, settings.window_days)
        attempt.inputs += part_datasets(parts)
        planned = Planned(rocu, pattern, as_of, settings.window_days, parts)
        authority = authorised(context, policy, planned)
        details |= {"authority": authority.reference, "purpose": authority.purpose}
        require_parts_unchanged(context, parts)
        windows = cache(lambda: _windows(context, rocu, pattern, as_of, parts, settings))
        day = _Day(context, planned, policy, authority, windows)
        return _score_shadow(day, details) if shadow else _score_champion(day, details)


@dataclass(frozen=True)
class _Day:
    """One window of one ROCU, to be scored. `windows` builds its rows once, when they are first asked for."""

    context: Context
    planned: Planned
    policy: LoadedPolicy
    authority: RunAuthority
    windows: Windows

    @property
    def rocu(self) -> str:
        return self.planned.rocu

    @property
    def pattern(self) -> str:
        return self.planned.pattern

    @property
    def as_of(self) -> date:
        return self.planned.as_of

    @property
    def parts(self) -> tuple[PartRef, ...]:
        return tuple(self.planned.parts)

    @property
    def model(self) -> str:
        return f"{self.pattern}.{self.rocu}"

    @property
    def settings(self) -> Any:
        return self.policy.policy.pattern(self.pattern)

    def require_still_authorised(self) -> None:
        """Refuse unless the authority under which the run began covers it still."""
        if authorised(self.context, self.policy, self.planned).reference != self.authority.reference:
            raise RefusedError(
                f"While the list was made, the run of {self.model} got another authority.",
                "Run the same command again.",
            )

    def provenance(self, by: Champion | Candidate) -> Provenance:
        """What every row of a list by this version carries."""
        return _provenance(self.context, by, self.parts, self.rocu, self.pattern, self.as_of, self.policy.digest)


def _score_champion(day: _Day, details: dict[str, Any]) -> Scored:
    from governance.lineage.events import DatasetRef
    from governance.promotion.verification import verify_champion
    from models.scoring import scores_file

    context, policy = day.context, day.policy.policy
    champion = verify_champion(open_desk(context), day.model, day.rocu, utc_now())
    provenance = day.provenance(champion)
    details |= {"version": champion.version, "run_id": provenance.run_id, "data_digest": provenance.data_digest}
    target = scores_file(context.lake, provenance)
    page = page_of(target)
    found = held_list(context, day.model, target)
    altered = found is None and was_made(context, day.model, target)
    if altered:
        details["found_altered"] = digests(target) if target.is_file() else "not there"
    listed = found or _score(day, MadeBy(champion, day.authority, provenance), page)
    # of what was made or found, not of what lies there by now
    details |= listed.digests | {"pattern_code": code_of_rows(context, day.model, champion.version)}
    table = listed.table()
    rows = table.num_rows
    made = DatasetRef("scores", details["scores_sha256"], name=context.lake.relative(target), rows=rows)
    _record_lineage(context, day.parts, provenance, made)
    shadow = _shadows(day, Beside(champion.version, provenance.run_id, table))
    details["shadow_versions"] = [run.version for run in shadow]
    return Scored(
        rocu=day.rocu,
        pattern=day.pattern,
        as_of=day.as_of,
        run_id=provenance.run_id,
        model=day.model,
        version=int(champion.version),
        model_sha256=champion.sha256,
        unit=_unit(day.pattern),
        vehicles=rows,
        shown=min(rows, policy.rows(day.pattern) + policy.random_review),
        already_done=found is not None,
        found_altered=altered,
        authority=day.authority.reference,
        data_digest=provenance.data_digest,
        shadow=shadow,
        scores=target,
        page=page,
    )


def _shadows(day: _Day, beside: Beside | None) -> tuple[ShadowRun, ...]:
    still = day.require_still_authorised
    return score_shadows(day.context, day.policy, day.windows, day.provenance, day.model, beside, still)


def _score_shadow(day: _Day, details: dict[str, Any]) -> ShadowScored:
    from governance.promotion.state import model_state

    state = model_state(day.context.audit, day.model)
    if state.champion is not None:
        raise RefusedError(
            f"{day.model} has a champion, beside which versions in shadow are scored.",
            "Leave out --shadow: findprofile score scores them on the same windows.",
        )
    if not state.candidates:
        raise RefusedError(
            f"No version of {day.model} has every approval, so none is in shadow.", "See findprofile models list."
        )
    details["shadow"] = True
    runs = _shadows(day, None)
    details["shadow_versions"] = [run.version for run in runs]
    if all(run.problem for run in runs):
        raise RefusedError(f"No version in shadow could be scored: {runs[0].problem}", "See findprofile models show.")
    return ShadowScored(
        rocu=day.rocu, pattern=day.pattern, as_of=day.as_of, model=day.model, unit=_unit(day.pattern), shadow=runs
    )


def _unit(pattern: str) -> Unit:
    from models.patterns import get_pattern

    return get_pattern(pattern).unit


def _parts(context: Context, rocu: str, as_of: date, window_days: int) -> tuple[PartRef, ...]:
    from data_contracts.layers.reads import read_parts

    parts = read_parts(context.lake, rocu, as_of - timedelta(days=window_days - 1), as_of)
    require_brought(context, "ingest", rocu, parts)
    if not any(part.date == as_of and part.rows for part in parts):
        raise WrongInputError(
            f"{rocu} has no reads of {as_of}.",
            "Ingest that day first, or take a date that findprofile status shows as read.",
        )
    return parts


def _provenance(
    context: Context,
    champion: Champion | Candidate,
    parts: tuple[PartRef, ...],
    rocu: str,
    pattern: str,
    as_of: date,
    policy_digest: str,
) -> Provenance:
    from data_contracts.layers.reads import contract_versions, parts_digest
    from models.code_state import code_state
    from models.scoring import Provenance

    data, commit = parts_digest(parts), code_state().label
    named = (champion.model, champion.version, champion.sha256, data, commit, as_of.isoformat(), policy_digest)
    return Provenance(
        model=champion.model,
        version=champion.version,
        model_sha256=champion.sha256,
        contract_version=", ".join(contract_versions(context.lake, rocu, parts)),
        data_digest=data,
        commit=commit,
        run_id=hashlib.sha256("\n".join(named).encode()).hexdigest()[:16],
        rocu=rocu,
        pattern=pattern,
        window_end=as_of,
    )


def _windows(
    context: Context, rocu: str, pattern: str, as_of: date, parts: tuple[PartRef, ...], settings: Any
) -> pa.Table:
    from models.patterns import get_pattern
    from models.window_engines import open_windows

    context.progress(f"windows of {rocu} to {as_of}")
    with open_windows(context.settings, rocu, tell=days_watched(context, rocu)) as windows_of:
        return windows_of(context.lake, parts, as_of, get_pattern(pattern), settings)


def _score(day: _Day, made_by: MadeBy, page: Path) -> HeldList:
    from models.patterns import get_pattern
    from models.scoring import RandomDraw, score_windows, write_scores

    policy, settings, chosen = day.policy.policy, day.settings, get_pattern(day.pattern)
    draw = RandomDraw(policy.random_review, made_by.provenance.run_id)
    scored = score_windows(made_by.champion.text, day.windows(), chosen, settings, policy.rows(day.pattern), draw)
    _require_unchanged(day, made_by)
    now = utc_now()
    text = _page(day, scored, made_by)
    write_text(page, text)
    content = write_scores(day.context.lake, scored, made_by.provenance, now)
    return HeldList(content, hashlib.sha256(text.encode()).hexdigest())


def _require_unchanged(day: _Day, made_by: MadeBy) -> None:
    """Refuse to put a list in place once champion or authority are not what they were when it was begun.

    Raises:
        RefusedError: The champion does not verify any more, the authority does not cover the run any more, or one of
            them is another.
    """
    from governance.promotion.verification import verify_champion

    champion = verify_champion(open_desk(day.context), day.model, day.rocu, utc_now())
    day.require_still_authorised()
    if champion.promoted_seq != made_by.champion.promoted_seq:
        raise RefusedError(f"While the list was made, {day.model} got another champion.", "Run the same command again.")


def _page(day: _Day, scored: pa.Table, made_by: MadeBy) -> str:
    from data_contracts.registers.regions import require_rocu
    from governance.pages.models import AnalystListPage, AnalystRow, Fact
    from governance.pages.render import render_analyst_list
    from infra.wording import counted
    from models.patterns import get_pattern
    from models.scoring import review_list

    pattern = get_pattern(day.pattern)
    champion, authority, provenance = made_by.champion, made_by.authority, made_by.provenance
    rows = review_list(scored, provenance.run_id)
    drawn = sum(row["selected_by"] == "random" for row in rows)
    first = provenance.window_end - timedelta(days=day.settings.window_days - 1)
    shadow = counted(champion.shadow_days, "day")
    return render_analyst_list(
        AnalystListPage(
            rocu=provenance.rocu,
            region=require_rocu(provenance.rocu, provenance.window_end).name,
            pattern=provenance.pattern.replace("_", " "),
            unit=pattern.unit,
            shared_by=pattern.shared_by,
            as_of=provenance.window_end.isoformat(),
            window=f"{first} to {provenance.window_end}",
            run_id=provenance.run_id,
            made_at=day.context.now.strftime("%Y-%m-%d %H:%M UTC"),
            vehicles_scored=scored.num_rows,
            drawn=drawn,
            data_notes=_data_notes(day.context, provenance.rocu, first, provenance.window_end),
            words=pattern.words(day.settings),
            assessment=(
                Fact(name="model", value=f"{provenance.model} version {provenance.version}"),
                Fact(name="model SHA-256", value=provenance.model_sha256, code=True),
                Fact(name="approved by", value=", ".join(champion.approvers)),
                Fact(name="confirmed by", value=f"{champion.confirmed_by}, after {shadow} in shadow"),
                Fact(name="approved until", value=champion.valid_until[:10]),
                Fact(name="authority for the run", value=f"{authority.reference}, for {authority.purpose}"),
                Fact(name="authority granted by", value=authority.granted_by_name),
                Fact(name="contract", value=provenance.contract_version),
                Fact(name="data digest", value=provenance.data_digest, code=True),
                Fact(name="commit", value=provenance.commit, code=True),
            ),
            rows=tuple(
                AnalystRow(
                    rank=place if drawn else row["rank"],
                    vehicle=row["vehicle"],
                    cautions=tuple(row["cautions"]),
                    facts=tuple(row["reasons"]),
                    against=tuple(row["against"]),
                    score="" if drawn else f"{row['score']:.3f}",
                )
                for place, row in enumerate(rows, start=1)
            ),
        )
    )


def _data_notes(context: Context, rocu: str, first: date, last: date) -> tuple[str, ...]:
    """What is not in the window: batches that failed on earlier days of it and that nothing has replaced."""
    from data_contracts.layers.reads import standing_failures

    return tuple(
        f"Batch {batch.batch_id} of {batch.dates[0] if batch.dates else 'unknown days'} failed its contract: "
        f"its {batch.rows:,} reads are not in this list."
        for batch in standing_failures(context.lake, rocu, first, last)
    )


def _record_lineage(context: Context, parts: tuple[PartRef, ...], provenance: Provenance, made: DatasetRef) -> None:
    from governance.lineage.events import DatasetRef, RunFacts

    facts = RunFacts(
        contract_version=provenance.contract_version,
        model=provenance.model,
        model_version=provenance.version,
        commit=provenance.commit,
        pattern=provenance.pattern,
        as_of=provenance.window_end.isoformat(),
    )
    model = DatasetRef("models", provenance.model_sha256, name=f"{provenance.model} version {provenance.version}")
    inputs = (*part_datasets(parts), model)
    context.lineage.record("score", provenance.rocu, provenance.run_id, inputs, (made,), facts, utc_now())
