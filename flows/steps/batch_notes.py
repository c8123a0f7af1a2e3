"""What is noted beside a batch's reads, for its page: counts for whoever may see batches, single notes for fewer.

A note names one vehicle at one place and time, as a row in quarantine does: it is for the same people, and each look at
some is an entry of the log.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from governance.pages.batch_models import BatchNotes, NoteCountRow, NoteRow

if TYPE_CHECKING:
    from data_contracts.layers.history import Judged
    from flows.context import Context

ACTION = "notes.read"


def batch_notes(context: Context, judged: Judged) -> BatchNotes:
    """The notes of one batch; examples only if who asks may read single notes, and then the log has it.

    Raises:
        FaultError: A part that a record names is not there.
    """
    from data_contracts.layers.noted import cause_in_words, count_notes

    counts = tuple(
        NoteCountRow(
            rule=one.rule,
            cause=one.cause,
            means=cause_in_words(one.cause),
            reads=one.reads,
            notes=one.notes,
            confusions=dict(one.confusions),
        )
        for one in count_notes(context.lake, (judged,))
    )
    if not counts:
        return BatchNotes(counts=(), examples=())
    examples = _examples(context, judged)
    return BatchNotes(counts=counts, examples=examples or (), examples_withheld=examples is None)


def _examples(context: Context, judged: Judged) -> tuple[NoteRow, ...] | None:
    from data_contracts.layers.noted import example_notes
    from flows.context import acting
    from governance.access.permissions import allowed

    if not allowed(context.identity.roles, ACTION):
        return None
    batch = judged.batch.batch_id
    with acting(context, ACTION, judged.record.rocu, "consultation", f"notes of batch {batch}") as details:
        found = example_notes(context.lake, (judged,))
        details["shown"] = len(found)
    return tuple(NoteRow(**vars(one), reason=one.reason, measured=one.measured) for one in found)
