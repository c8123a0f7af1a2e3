"""A draft record by the Algorithmic Transparency Recording Standard, tier 1 and 2, from what is on record.

The numbers follow the published template as of version 3; check them against the one in force before publishing.
What only the owner can say comes from the policy's `transparency`; what is not said there is missing.
"""

from __future__ import annotations

from governance.documents.atrs_tool import data_fields, model_fields, system_fields
from governance.documents.figures import trial_fields
from governance.documents.model import Field, MadeFromRecord, Section, Table
from governance.documents.source import POLICY, PRODUCT, RECORD, Source, field, joined
from governance.policy.transparency import TransparencyFacts


def atrs_record(source: Source) -> MadeFromRecord:
    """The draft about one version."""
    record = source.record
    own = source.policy.transparency if source.policy else TransparencyFacts()
    return MadeFromRecord(
        kind="atrs record",
        model=record.model,
        version=record.version,
        rocu=record.inputs.rocu,
        region=source.region,
        title=f"Draft transparency record: {record.model} version {record.version}",
        lede="Algorithmic Transparency Recording Standard, tier 1 and tier 2, as far as the record goes",
        warnings=("This is a draft. Nothing is published by making it, and no missing field was filled in.",),
        sections=(
            Section(title="Tier 1: overview", fields=_overview(source, own)),
            Section(title="Tier 2, 1: owner and responsibility", fields=_owner(own)),
            Section(title="Tier 2, 2: description and rationale", fields=_rationale(source, own)),
            Section(title="Tier 2, 3: deployment context", fields=_deployment(source, own)),
            Section(title="Tier 2, 4.1: system", fields=system_fields(source)),
            Section(title="Tier 2, 4.2: model", fields=model_fields(source)),
            Section(title="Tier 2, 4.3 and 4.4: data", fields=data_fields(source, own)),
            Section(
                title="Tier 2, 5: risks, mitigations and impact assessments",
                fields=(_assessments(own), *_risks(source, own)),
                tables=(_assessment_table(own),),
            ),
        ),
    )


def _overview(source: Source, own: TransparencyFacts) -> tuple[Field, ...]:
    defined = source.record.definition
    described = joined(
        defined.purpose if defined else None,
        f"The pattern: {defined.title}." if defined else None,
        defined.not_for if defined else None,
    )
    return (
        field("name", f"Find and Profile, {defined.title.lower()}" if defined else None, RECORD, "1"),
        field("description", described, RECORD, "2"),
        field("website", own.website, POLICY, "3"),
        field("contact email", own.contact_email, POLICY, "4"),
    )


def _owner(own: TransparencyFacts) -> tuple[Field, ...]:
    return (
        field("organisation", own.organisation, POLICY, "1.1"),
        field("team", own.team, POLICY, "1.2"),
        field("senior responsible owner", own.senior_responsible_owner, POLICY, "1.3"),
        field("third parties", own.third_parties, POLICY, "1.4.1"),
        field("Companies House numbers", own.company_numbers, POLICY, "1.4.2"),
        field("role of third parties", own.third_party_role, POLICY, "1.4.3"),
        field("procurement procedure", own.procurement, POLICY, "1.4.4"),
        field("terms of third parties' access to data", own.third_party_access, POLICY, "1.4.5"),
    )


def _rationale(source: Source, own: TransparencyFacts) -> tuple[Field, ...]:
    inputs, defined = source.record.inputs, source.record.definition
    days = inputs.pattern_settings.get("window_days")
    detailed = (
        f"From ANPR reads of the region, each vehicle's movements over {days} days are described by "
        f"{len(source.record.training.features)} figures. A model learnt from analysts' findings ranks the vehicles by "
        f"them. Analysts are shown the first {inputs.capacity} with sentences of facts, what speaks against each, and "
        "doubts about the reads before any score."
    )
    scope = joined(
        f"Vehicles read in {source.region} alone; {defined.unit} by token, without a registration mark."
        if defined
        else None,
        defined.not_for if defined else None,
    )
    return (
        field("detailed description", detailed if days else None, RECORD, "2.1"),
        field("scope", scope, RECORD, "2.2"),
        field("benefits", own.benefits, POLICY, "2.3"),
        field("previous process", own.previous_process, POLICY, "2.4"),
        field("alternatives considered", own.alternatives_considered, POLICY, "2.5"),
    )


def _deployment(source: Source, own: TransparencyFacts) -> tuple[Field, ...]:
    policy = source.policy
    review = (
        "An analyst examines every listed vehicle, facts first, and records a finding; the tool decides nothing and "
        "stops nobody. "
    )
    drawn = (
        f"{policy.random_review} vehicles are put on each list at random, unmarked, to measure what lists miss."
        if policy
        else ""
    )
    return (
        field("integration into the broader operational process", own.operational_process, POLICY, "3.1"),
        field("human review", review + drawn if drawn else None, POLICY, "3.2"),
        field("frequency and scale of use", f"{source.list_said}, of every vehicle read in a window", RECORD, "3.3"),
        field("required training", own.required_training, POLICY, "3.4"),
        field("appeals and review", own.appeals_and_review, POLICY, "3.5"),
    )


def _assessments(own: TransparencyFacts) -> Field:
    named = ", ".join(one.name for one in own.impact_assessments)
    return field("impact assessments", named, POLICY, "5.1")


def _assessment_table(own: TransparencyFacts) -> Table:
    return Table(
        caption="Impact assessments",
        columns=("Name", "Date", "Description", "Where"),
        rows=tuple((one.name, one.date, one.description, one.link) for one in own.impact_assessments),
        empty="The policy names none.",
    )


def _risks(source: Source, own: TransparencyFacts) -> tuple[Field, ...]:
    """What the owner says, and each risk that the product measures, with what was measured."""
    measured = tuple(
        one.model_copy(update={"name": f"risk measured: {one.name}", "number": "5.2"}) for one in trial_fields(source)
    )
    product = field(
        "mitigations of the product",
        "No score without a model that a gate passed and people approved; two people, neither the trainer; every "
        "access in an append-only audit log; plates replaced by tokens; one person can stop a model at once.",
        PRODUCT,
        "5.2",
    )
    return (field("risks and mitigations", own.risks_and_mitigations, POLICY, "5.2"), product, *measured)
