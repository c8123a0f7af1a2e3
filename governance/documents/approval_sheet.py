"""The approval sheet: one promotion from beginning to end, as the audit log has it.

Who asked, what the gate said line by line, who decided when and why on which evidence and policy, what was refused
before, and what was done to the version after. It follows the log by what its entries say, not by a list of steps, so
a new kind of step appears by itself.
"""

from __future__ import annotations

from governance.documents.life import Moment, follow, other_use
from governance.documents.model import Field, MadeFromRecord, Section, Table
from governance.documents.source import EVIDENCE, LOG, RECORD, Source, field
from governance.gate.evidence import ChampionMeasured, Evidence, MadeDocument, NoChampion
from governance.promotion.state import ModelState, VersionState, replay
from infra.errors import RefusedError

# shown in columns of their own, or in another table
_CONFIRMS = frozenset({"promote.confirm"})
_SAID = frozenset({"reason", "comment", "lines", "seconds"})


def approval_sheet(source: Source, made: tuple[MadeDocument, ...]) -> MadeFromRecord:
    """The sheet of one version.

    Args:
        source: Record, evidence and every entry about the model.
        made: The other documents as they come out now.
    """
    record = source.record
    moments = follow(source.entries, record.model, record.version)
    state = _state(source)
    found = state.versions.get(record.version) if state else None
    return MadeFromRecord(
        kind="approval sheet",
        model=record.model,
        version=record.version,
        rocu=record.inputs.rocu,
        region=source.region,
        title=f"Approval sheet: {record.model} version {record.version}",
        lede="One promotion from beginning to end, as the audit log has it",
        warnings=_warnings(source, state),
        sections=(
            Section(title="Where it stands", fields=_standing(source, state, found, moments)),
            Section(title="What was judged", fields=_judged(source, found)),
            Section(title="The gate", note=_gate_note(found), tables=(_gate(found),)),
            Section(title="For those who decide", fields=_to_know(source.evidence)),
            Section(
                title="Everything that happened",
                note="In the order of the log, refusals among it. The last column says what the version was then.",
                tables=(_entries(moments), _beside(moments)),
            ),
            Section(title="Use", tables=(_use(source),)),
            Section(
                title="Documents",
                note="The gate saw the documents by digest. Made again from the same record they have the same digest.",
                tables=(_documents(source.evidence, made),),
            ),
            Section(
                title="Entries by their hash",
                note="Each hash covers the entry and the hash before it: hold them against findprofile audit search.",
                tables=(_hashes(moments),),
            ),
        ),
    )


def _state(source: Source) -> ModelState | None:
    try:
        return replay(source.record.model, source.entries)
    except RefusedError:
        return None


def _warnings(source: Source, state: ModelState | None) -> tuple[str, ...]:
    if state is None:
        return ("The entries of the audit log do not fit together. Nothing may be concluded from this sheet.",)
    if state.suspended is not None:
        return (f"The model is suspended and scores nothing: {state.suspended}",)
    return ()


def _standing(
    source: Source, state: ModelState | None, found: VersionState | None, moments: tuple[Moment, ...]
) -> tuple[Field, ...]:
    record = source.record
    promoted = found.promoted if found else None
    trained = next((one for one in moments if one.row.action == "retrain"), None)
    status = found.status.replace("_", " ") if found else "never requested" if state else None
    champion = state.champion if state else None
    return (
        field("status", status, LOG),
        field("champion of this model now", f"version {champion}" if champion else "none" if state else None, LOG),
        field("suspended", None if state is None else "yes" if state.suspended else "no", LOG),
        field("trained by", record.trained_by, RECORD),
        field("trained", _when(trained), LOG),
        field("requested by", found.gate.requested_by if found else None, LOG),
        field("requested", _when(_last(moments, "promote.gate")), LOG),
        field("decided by", _people(moments), LOG),
        field("in force until", promoted.valid_until[:19].replace("T", " ") if promoted else None, LOG),
        field(
            "took the place of",
            None
            if promoted is None
            else f"version {promoted.replaces}"
            if promoted.replaces
            else "none, it was the first",
            LOG,
        ),
    )


def _last(moments: tuple[Moment, ...], action: str) -> Moment | None:
    return next((one for one in reversed(moments) if one.row.action == action), None)


def _when(moment: Moment | None) -> str | None:
    return moment.when if moment else None


def _people(moments: tuple[Moment, ...]) -> str | None:
    """Whoever approved since the latest gate, as the log names them; whatever the step is called."""
    said: list[str] = []
    for moment in moments:
        row = moment.row
        if row.action == "promote.gate":
            said = []
        elif row.outcome == "done" and (row.action in _CONFIRMS or "token_id" in row.details):
            said.append(f"{row.actor_name} ({', '.join(row.actor_roles)}), {moment.what}, {moment.when}")
    return "; ".join(said) or None


def _judged(source: Source, found: VersionState | None) -> tuple[Field, ...]:
    record, gate = source.record, found.gate if found else None
    return (
        field("gate", gate.gate if gate else None, LOG),
        field("evidence, SHA-256", gate.evidence_digest if gate else None, LOG, code=True),
        field("policy", gate.policy_version if gate else None, LOG),
        field("policy, SHA-256", gate.policy_digest if gate else None, LOG, code=True),
        field("model text, SHA-256", gate.model_sha256 if gate else record.model_sha256, LOG, code=True),
        field("training inputs, SHA-256", record.inputs.digest, RECORD, code=True),
        field(
            "compared with",
            None if gate is None else f"version {gate.compared_with}" if gate.compared_with else "no champion",
            LOG,
        ),
    )


def _gate_note(found: VersionState | None) -> str:
    if found is None:
        return "The gate has not judged this version."
    refused = sum(line["result"] != "passed" for line in found.gate.lines)
    return f"{len(found.gate.lines)} lines, {refused} of them not passed. One that is missing refuses."


def _gate(found: VersionState | None) -> Table:
    lines = found.gate.lines if found else ()
    return Table(
        caption="Line by line",
        columns=("Line", "What it checks", "Value", "Needed", "Result", "Limit from"),
        rows=tuple(
            tuple(line.get(name, "") for name in ("name", "what", "value", "limit", "result", "source"))
            for line in lines
        ),
        judged="Result",
        empty="The gate has not judged this version.",
    )


def _to_know(evidence: Evidence | None) -> tuple[Field, ...]:
    board = weaker = None
    if evidence is not None:
        if evidence.change is not None:
            outside = ", ".join(dict.fromkeys(one.what for one in evidence.change.outside))
            board = f"yes: {outside}" if outside else "no: every change is inside the plan"
        elif isinstance(evidence.champion, NoChampion):
            board = "no: a first version changes nothing"
        if evidence.policy_differences is not None:
            keys = [one.key for one in evidence.policy_differences if one.direction == "weaker"]
            weaker = ", ".join(keys) or "in nothing"
    measured = evidence is not None and isinstance(evidence.champion, ChampionMeasured)
    return (
        field("full board needed", board, EVIDENCE),
        field("policy weaker than the packaged default", weaker, EVIDENCE),
        field(
            "champion on the same rows",
            None
            if evidence is None
            else "yes"
            if measured
            else "there was none"
            if isinstance(evidence.champion, NoChampion)
            else "it could not be read",
            EVIDENCE,
        ),
    )


def _entries(moments: tuple[Moment, ...]) -> Table:
    return Table(
        caption="Entries",
        columns=("No.", "When", "What", "Who", "Outcome", "Why", "Version is then"),
        rows=tuple(
            (str(one.row.seq), one.when, one.what, one.who, one.row.outcome, one.why, one.status) for one in moments
        ),
        judged="Outcome",
        empty="Nobody has asked for this version to be promoted.",
    )


def _beside(moments: tuple[Moment, ...]) -> Table:
    rows = [
        (str(one.row.seq), name.replace("_", " "), _plain(value))
        for one in moments
        for name, value in sorted(one.row.details.items())
        if name not in _SAID and value not in (None, "", [], {})
    ]
    return Table(
        caption="What stands beside the entries",
        columns=("No.", "What", "Value"),
        rows=tuple(rows),
        code=("Value",),
        empty="Nothing stands beside them.",
    )


def _plain(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_plain(one) for one in value)
    if isinstance(value, dict):
        return "; ".join(f"{name} {_plain(one)}" for name, one in sorted(value.items()))
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _use(source: Source) -> Table:
    return Table(
        caption="Processing with this version",
        columns=("What", "Outcome", "Times", "First", "Last", "Authorities"),
        rows=other_use(source.entries, source.record.model, source.record.version),
        judged="Outcome",
        empty="It has been used for nothing yet.",
    )


def _documents(evidence: Evidence | None, made: tuple[MadeDocument, ...]) -> Table:
    seen = {one.name: one for one in (evidence.made_documents or ()) if evidence} if evidence else {}
    given = tuple(
        (one.name, f"put there by people, {one.sha256}", "", "", "") for one in (evidence.documents if evidence else ())
    )
    rows = tuple(
        (
            one.name,
            seen[one.name].sha256 if one.name in seen else "not seen",
            one.sha256,
            f"{one.missing} of {one.fields}",
            "no gate yet" if one.name not in seen else "same" if seen[one.name].sha256 == one.sha256 else "changed",
        )
        for one in made
    )
    return Table(
        caption="By digest",
        columns=("Document", "As the gate saw it", "As it comes out now", "Fields missing", "Verdict"),
        rows=(*rows, *given),
        judged="Verdict",
        code=("As the gate saw it", "As it comes out now"),
    )


def _hashes(moments: tuple[Moment, ...]) -> Table:
    return Table(
        caption="Hashes",
        columns=("No.", "Action", "Actor", "Hash"),
        rows=tuple((str(one.row.seq), one.row.action, one.row.actor, one.row.hash) for one in moments),
        code=("Actor", "Hash"),
        empty="There are no entries.",
    )
