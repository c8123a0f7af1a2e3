"""Gathers what the evidence says about the record: whose data, made again, changed against the champion, documents."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from infra.errors import FindProfileError

if TYPE_CHECKING:
    from flows.context import Context
    from governance.gate.change_plan import Change
    from governance.gate.evidence import Evidence, MadeAgain
    from governance.policy.document import LoadedPolicy
    from models.registry import Registry, VersionRecord


def about_change(context: Context, registry: Registry, record: VersionRecord, policy: LoadedPolicy) -> dict[str, Any]:
    """The parts of the evidence that are about record and change, by their names in it."""
    from governance.policy.document import packaged_policy
    from governance.policy.strictness import judged_differences

    return {
        "data_rocus": _rocus(record),
        "made_again": _made_again(context, record),
        "change": _change(context, registry, record, policy),
        "policy_differences": judged_differences(packaged_policy("default").policy, policy.policy),
    }


def with_documents(context: Context, record: VersionRecord, policy: LoadedPolicy, evidence: Evidence) -> Evidence:
    """The evidence with the digests of the documents that are made from it."""
    from flows.steps.documents import region_name
    from governance.documents import made_before_the_gate
    from governance.documents.source import Source

    source = Source(record, region_name(record), policy.policy, evidence)
    return evidence.model_copy(update={"made_documents": made_before_the_gate(source)})


def _rocus(record: VersionRecord) -> tuple[str, ...]:
    """The regions whose parts were pinned, by the paths of the parts."""
    parts = (*record.inputs.reads, *record.inputs.dispositions)
    found = (re.search(r"(?:^|/)rocu=([^/]+)/", part.path) for part in parts)
    return tuple(sorted({match.group(1) if match else "unknown" for match in found}))


def _made_again(context: Context, record: VersionRecord) -> MadeAgain | None:
    from governance.gate.evidence import MadeAgain

    rows = context.audit.search(action="reproduce", object=f"{record.model}/{record.version}", outcome="done")
    # of another text under the same number it says nothing; entries from before named none
    about = [row for row in rows if row.details.get("model_sha256", record.model_sha256) == record.model_sha256]
    if not about:
        return None
    row = about[0]
    return MadeAgain(same=row.details.get("same") is True, seq=row.seq, at=row.at, by=row.actor)


def _change(context: Context, registry: Registry, record: VersionRecord, policy: LoadedPolicy) -> Change | None:
    """Against the champion that the log names; nothing if there is none, or if its record cannot be read."""
    from governance.gate.change_plan import compare_versions
    from governance.policy.document import known_policies
    from governance.promotion.state import model_state

    standing = model_state(context.audit, record.model).standing
    if standing is None:
        return None
    try:
        champion = registry.verified(record.model, standing.version).record
    except FindProfileError as error:
        context.progress(f"the champion's record cannot be compared with: {error.reason}")
        return None
    known = {one.digest: one for one in known_policies(context.lake, record.inputs.rocu)}
    then = known.get(standing.gate.policy_digest)
    return compare_versions(champion, record, policy.policy.change_plan, then, policy.policy)
