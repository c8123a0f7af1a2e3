"""The step that puts the quality of the data of several ROCUs, and of the forces in them, side by side."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.context import EVERYWHERE, Context, permit
from flows.steps.rule_legend import legend_of
from governance.access.permissions import EVERY_ROCU
from governance.pages.scoreboard_models import RocuStanding, RuleAsked, Scoreboard, Spread, Standing
from infra.lake import write_text

if TYPE_CHECKING:
    from data_contracts.layers.batch_counts import Rows
    from data_contracts.layers.history import Judged

ACTION = "scoreboard.read"
# a force with fewer rows than this is shown, but is neither the best nor the worst
LEAST_ROWS = 100
# and one in which fewer rows broke a rule is not the worst in it: one bad row in four hundred is no difference
LEAST_BROKEN = 5


def read_scoreboard(
    context: Context,
    rocus: Sequence[str] = (),
    start: date | None = None,
    end: date | None = None,
    html: Path | None = None,
) -> Scoreboard:
    """The same rules side by side, of standing judgements of batches with a day of capture in the span.

    Args:
        context: Who asks; without `rocus`, every ROCU that the token covers and that has batches is shown.
        rocus: Codes of ROCUs.
        start: First day of capture; None for no limit.
        end: Last one.
        html: Also draw the board to this file.

    Raises:
        RefusedError: No permission in one of the ROCUs.
        WrongInputError: No such ROCU.
    """
    from governance.pages.render import render_scoreboard

    standings, asked = [], dict[str, RuleAsked]()
    for rocu in _covered(context, rocus):
        chosen = _chosen(context, rocu, start, end)
        if chosen:
            rules = _asked(chosen)
            asked = {**rules, **asked}
            standings.append(_rocu(context, rocu, chosen, rules))
    board = Scoreboard(
        made_at=f"{context.now:%Y-%m-%d %H:%M} UTC",
        start=start,
        end=end,
        rules=tuple(asked.values()),
        rocus=tuple(standings),
        spreads=_spreads(
            asked,
            [force for one in standings for force in one.forces],
        ),
        least_rows=LEAST_ROWS,
        least_broken=LEAST_BROKEN,
        legend=legend_of(asked.values()),
    )
    if html:
        write_text(html, render_scoreboard(board))
    return board


def _covered(context: Context, rocus: Sequence[str]) -> tuple[str, ...]:
    from data_contracts.registers.regions import require_rocu

    if not rocus:
        there = sorted(path.name.removeprefix("rocu=") for path in (context.lake.root / "ingests").glob("rocu=*"))
        mine = context.identity.rocus
        rocus = [rocu for rocu in there if EVERY_ROCU in mine or rocu in mine]
        if not rocus:
            # nothing to show is no reason to tell it to whoever may not look
            permit(context, ACTION, min(mine, default=EVERYWHERE), "scoreboard")
    codes = tuple(dict.fromkeys(require_rocu(rocu, context.now.date()).code for rocu in rocus))
    for rocu in codes:
        permit(context, ACTION, rocu, "scoreboard")
    return codes


def _chosen(context: Context, rocu: str, start: date | None, end: date | None) -> tuple[Judged, ...]:
    from data_contracts.layers.history import in_span, judgements

    standing = [one for one in judgements(context.lake, rocu) if one.stands]
    return in_span(standing, start or date.min, end or date.max)


def _asked(chosen: Sequence[Judged]) -> dict[str, RuleAsked]:
    """The rules about rows of every contract that judged, in the order of the newest."""
    from data_contracts.contract.document import load_contract
    from data_contracts.layers.batch_counts import BATCH_TABLES

    found: dict[str, RuleAsked] = {}
    for version in dict.fromkeys(one.record.contract_version for one in reversed(chosen)):
        for rule in load_contract("reads", version).written_rules:
            if rule.table not in BATCH_TABLES:
                line = RuleAsked(
                    rule=rule.name,
                    dq_number=rule.dq_number,
                    severity=rule.severity,
                    description=rule.description,
                )
                found.setdefault(rule.name, line)
    return found


def _rocu(context: Context, rocu: str, chosen: Sequence[Judged], asked: Mapping[str, RuleAsked]) -> RocuStanding:
    from data_contracts.judgement.verdicts import BATCH_FAILED
    from data_contracts.layers.batch_counts import broken_rows, judged_rows
    from data_contracts.layers.history import days_of
    from data_contracts.registers.regions import require_rocu

    broken: Counter[str] = Counter()
    for one in chosen:
        broken.update(one.batch.rules)
    rows = sum(one.batch.rows for one in chosen)
    by_force = judged_rows(context.lake, chosen, "force")
    broken_by_force = broken_rows(context.lake, chosen, "force")
    forces = tuple(
        _force(
            rocu,
            force,
            seen,
            _broken_in(force, broken, broken_by_force, asked),
            broken_by_force.get((BATCH_FAILED, force), 0),
        )
        for force, seen in sorted((force, seen) for force, seen in by_force.items() if force is not None)
    )
    return RocuStanding(
        rocu=Standing(
            name=rocu,
            label=require_rocu(rocu, context.now.date()).name,
            rows=rows,
            quarantined=sum(one.batch.quarantined for one in chosen),
            duplicates=sum(one.batch.duplicates for one in chosen),
            in_failed=sum(one.batch.quarantined for one in chosen if one.batch.verdict == "failed"),
            rules={rule: broken[rule] for rule in asked},
            batches=len(chosen),
            failed_batches=sum(one.batch.verdict == "failed" for one in chosen),
            **_lateness(by_force.values()),
        ),
        forces=forces,
        unplaced=rows - sum(force.rows for force in forces),
        unplaced_rules={rule: broken_by_force.get((rule, None), 0) for rule in asked},
        contracts=tuple(sorted({one.record.contract_version for one in chosen})),
        first=min(days_of(one)[0] for one in chosen),
        last=max(days_of(one)[-1] for one in chosen),
    )


def _broken_in(
    force: str,
    broken: Mapping[str, int],
    broken_by_force: Mapping[tuple[str, str | None], int],
    asked: Iterable[str],
) -> dict[str, int | None]:
    """Rows of a force by rule; None where only rows without a force broke it: an unknown camera says of no force."""
    placed = {rule for rule, name in broken_by_force if name is not None}
    return {
        rule: broken_by_force.get((rule, force), 0) if rule in placed or not broken.get(rule) else None
        for rule in asked
    }


def _force(rocu: str, force: str, seen: Rows, broken: dict[str, int | None], in_failed: int) -> Standing:
    return Standing(
        name=f"{rocu}/{force}",
        label=force.replace("-", " ").title(),
        # a row whose time lies in the future has a force, but no hour that it could be counted in
        rows=max([seen.rows, *(rows or 0 for rows in broken.values())]),
        quarantined=seen.rejected,
        in_failed=in_failed,
        duplicates=seen.duplicates,
        rules=broken,
        **_lateness((seen,)),
    )


def _lateness(seen: Iterable[Rows]) -> dict[str, float | None]:
    bins = [sum(counts) for counts in zip(*(one.lateness for one in seen), strict=True)]
    return {"late_half_s": _quantile(bins, 0.5), "late_most_s": _quantile(bins, 0.95)}


def _quantile(bins: Sequence[int], share: float) -> float | None:
    """Upper edge of the bin that the quantile lies in; bin n ends at 2 to the power of n + 1 seconds."""
    reached, wanted = 0, share * sum(bins)
    for number, count in enumerate(bins):
        reached += count
        if count and reached >= wanted:
            return float(2 ** (number + 1))
    return None


def _spreads(asked: Iterable[str], forces: Sequence[Standing]) -> tuple[Spread, ...]:
    """Best and worst force of each rule that rows of one of them broke, the furthest apart first."""
    big = [force for force in forces if force.rows >= LEAST_ROWS]
    found = []
    for rule in asked:
        shares = [(share, force) for force in big if (share := force.share(rule)) is not None]
        often = [(share, force.label) for share, force in shares if (force.rules[rule] or 0) >= LEAST_BROKEN]
        if len(shares) < 2 or not often:
            continue
        (best_share, best), (worst_share, worst) = min((share, force.label) for share, force in shares), max(often)
        if best_share < worst_share:
            found.append(
                Spread(
                    rule=rule,
                    best=best,
                    best_share=best_share,
                    worst=worst,
                    worst_share=worst_share,
                    ratio=worst_share / best_share if best_share else None,
                )
            )
    return tuple(sorted(found, key=lambda spread: spread.best_share - spread.worst_share))
