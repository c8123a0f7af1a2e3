"""Steps that look at batches: the list, the page of one, and Great Expectations' own pages (Data Docs)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from flows.context import Context, permit
from flows.steps.results import StepResult
from infra.lake import write_text

if TYPE_CHECKING:
    from data_contracts.judgement.limits import IngestLimits
    from data_contracts.layers.history import Judged
    from governance.pages.batch_models import BatchPage, JudgementRow

ACTION = "batches.read"


class DocsMade(StepResult):
    """Where the Data Docs lie."""

    rocu: str
    batches: int
    index: Path
    pages: tuple[Path, ...]

    def links(self) -> dict[str, Path]:
        """The page of the ROCU, which leads to the others; the page itself if there is one only."""
        return {"index": self.index} | ({"page": self.pages[0]} if len(self.pages) == 1 else {})

    def summary(self) -> dict[str, str | int | float]:
        """How many pages were drawn."""
        return {"rocu": self.rocu, "pages drawn": self.batches}


def list_batches(
    context: Context, rocu: str, start: date | None = None, end: date | None = None, every: bool = False
) -> tuple[JudgementRow, ...]:
    """The batches of a ROCU with a day of capture in the span, in the order of judging.

    Args:
        context: Who asks.
        rocu: Code of the ROCU.
        start: First day of capture; None for no limit.
        end: Last one.
        every: Also judgements in whose place a later one has come.

    Raises:
        RefusedError: No permission in this ROCU.
        WrongInputError: No such ROCU.
    """
    from data_contracts.layers.reads import replaced_batches
    from flows.steps.batch_page import judgement_row

    replaced = replaced_batches(context.lake, rocu)
    return tuple(judgement_row(one, replaced) for one in _chosen(context, rocu, start, end) if every or one.stands)


def show_batch(context: Context, rocu: str, batch_id: str, html: Path | None = None) -> BatchPage:
    """All that is known of one batch; with `html`, its page there and its Data Docs beside it.

    Raises:
        RefusedError: No permission in this ROCU.
        WrongInputError: No such ROCU or batch.
    """
    from data_contracts.layers.history import judgements, of_batch
    from data_contracts.registers.regions import require_rocu
    from flows.steps.batch_page import fill_batch_page
    from governance.pages.render import render_batch

    region = require_rocu(rocu, context.now.date())
    permit(context, ACTION, rocu, f"batch {batch_id}")
    every = judgements(context.lake, rocu)
    mine = of_batch(every, rocu, batch_id)
    if html is None:
        return fill_batch_page(context, region, every, mine)
    beside = html.with_name(f"{html.stem}.data_docs.html")
    page = fill_batch_page(context, region, every, mine, beside.name)
    write_text(beside, _drawn(context, mine[-1]))
    write_text(html, render_batch(page))
    return page


def make_docs(
    context: Context, rocu: str, batch_ids: Sequence[str] = (), start: date | None = None, end: date | None = None
) -> DocsMade:
    """Draw the Data Docs of batches and of their ROCU into the lake.

    Args:
        context: Who asks.
        rocu: Code of the ROCU.
        batch_ids: Only these; without any, all in the span whose page is not there yet.
        start: First day of capture of the batches on the ROCU's page; None for no limit.
        end: Last one.

    Raises:
        RefusedError: No permission in this ROCU.
        WrongInputError: No such ROCU, no such batch, or no batch in the span.
    """
    from data_contracts.data_docs import rocu_docs
    from data_contracts.layers.history import of_batch
    from infra.errors import WrongInputError

    chosen = [one for one in _chosen(context, rocu, start, end) if one.stands]
    if not chosen:
        raise WrongInputError(f"{rocu} has no batch in these days.", f"See findprofile batches list --rocu {rocu}.")
    folder = context.lake.folder("pages", rocu) / "data_docs"
    wanted = [of_batch(chosen, rocu, batch_id)[-1] for batch_id in batch_ids]
    made = []
    # every link of the index leads somewhere; a page never changes, so one that is there is not drawn again
    for one in wanted + [one for one in chosen if not (folder / one.page_name).is_file() and one not in wanted]:
        context.progress(f"drawing batch {one.batch.batch_id}")
        write_text(folder / one.page_name, _drawn(context, one))
        made.append(folder / one.page_name)
    index = folder / "index.html"
    write_text(index, rocu_docs(chosen, _known_limits(context, rocu)))
    shown = tuple(made[: len(wanted)]) if wanted else tuple(made)
    return DocsMade(rocu=rocu, batches=len(made), index=index, pages=shown)


def _chosen(context: Context, rocu: str, start: date | None, end: date | None) -> tuple[Judged, ...]:
    from data_contracts.layers.history import in_span, judgements
    from data_contracts.registers.regions import require_rocu

    require_rocu(rocu, context.now.date())
    permit(context, ACTION, rocu, f"batches of {rocu}")
    return in_span(judgements(context.lake, rocu), start or date.min, end or date.max)


def _drawn(context: Context, judged: Judged) -> str:
    from data_contracts.data_docs import batch_docs
    from data_contracts.layers.noted import count_notes

    return batch_docs(judged, _known_limits(context, judged.record.rocu), count_notes(context.lake, (judged,)))


def _known_limits(context: Context, rocu: str) -> tuple[IngestLimits, ...]:
    from governance.policy.document import known_policies

    return tuple(policy.ingest for policy in known_policies(context.lake, rocu))
