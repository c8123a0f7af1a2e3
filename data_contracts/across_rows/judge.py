"""The order of the rules across rows: make a family's table, run its rules, count and note, put it to the batches.

Belongs here: from tables to judgements. Does not: what a table holds (its family), what comes of a batch.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from data_contracts.across_rows.camera_days import CAMERA_DAYS
from data_contracts.across_rows.descriptions import DESCRIPTIONS
from data_contracts.across_rows.feeds import FEEDS
from data_contracts.across_rows.hours import count_hours
from data_contracts.across_rows.misreads import MISREAD_PAIRS
from data_contracts.across_rows.scene import Family, Scene, set_scene
from data_contracts.across_rows.shares import ACCEPTED_BATCHES
from data_contracts.across_rows.speeds import LEGS
from data_contracts.across_rows.volumes import CAMERA_VOLUMES
from data_contracts.contract.document import Rule
from data_contracts.judgement.gx import run_rules
from data_contracts.judgement.verdicts import Judgement

# each may use what those before it made
FAMILIES = (CAMERA_DAYS, CAMERA_VOLUMES, FEEDS, MISREAD_PAIRS, LEGS, DESCRIPTIONS, ACCEPTED_BATCHES)


def judge_across_rows(scene: Scene, rules: Sequence[Rule], judgements: Sequence[Judgement]) -> tuple[Judgement, ...]:
    """Run the rules across rows over all reads that are about to be accepted.

    Args:
        scene: The call; batches that have failed already take no part.
        rules: The contract's rules, limits put in. A contract without rules across rows changes nothing.
        judgements: What the rules found in each batch so far.

    Returns:
        The judgements with what was found added; a broken rule of severity `fail` fails the batch. Adds the reads that
        broke a rule to `failing` and `rules_named`; leaves `noted` and `camera_counts`.
    """
    set_scene(scene)
    count_hours(scene)
    connection = scene.connection
    connection.execute(
        """DELETE FROM failing WHERE batch_no IN (SELECT batch_no FROM named WHERE NOT failed)
            AND rule_no IN (SELECT rule_no FROM rules_named WHERE rule IN (SELECT unnest(?::VARCHAR[])))""",
        [[rule.name for rule in rules if rule.table in {family.table for family in FAMILIES}]],
    )
    if not any(rule.table == family.table for rule in rules for family in FAMILIES):
        return tuple(judgements)
    found = list(judgements)
    for family in FAMILIES:
        family.make(scene)
        of_family = [rule for rule in rules if rule.table == family.table and _can_be_judged(scene, rule)]
        for verdict in run_rules(connection, family.table, family.keys, of_family):
            keys = ", ".join(family.keys)
            connection.execute(f"CREATE OR REPLACE TABLE breaking AS SELECT {keys} FROM ({verdict.failing_query})")
            counts = _count(scene, verdict.rule, family.settle(scene, verdict.rule))
            said = {} if verdict.holds else dict(family.tell(scene, verdict.rule))
            for batch_no in counts.keys() | said.keys():
                found[batch_no] = _with(found[batch_no], verdict.rule, counts.get(batch_no, 0), said.get(batch_no))
    return tuple(found)


def _can_be_judged(scene: Scene, rule: Rule) -> bool:
    column = rule.kwargs["column"]
    ((some,),) = scene.connection.execute(f"SELECT EXISTS (FROM {rule.table} WHERE {column} IS NOT NULL)").fetchall()
    return bool(some)


def _count(scene: Scene, rule: Rule, query: str) -> dict[int, int]:
    connection = scene.connection
    ((known,),) = connection.execute("SELECT max(rule_no) FROM rules_named WHERE rule = ?", [rule.name]).fetchall()
    if known is None:
        ((known,),) = connection.execute("SELECT coalesce(max(rule_no) + 1, 0)::UTINYINT FROM rules_named").fetchall()
        connection.execute("INSERT INTO rules_named VALUES (?, ?, ?)", [known, rule.name, rule.severity])
    connection.execute(f"INSERT INTO failing SELECT DISTINCT {known}, batch_no, row_no FROM ({query})")
    counted: dict[int, int] = defaultdict(int)
    counted.update(
        connection.execute(
            "SELECT batch_no, count(*) FROM failing SEMI JOIN (FROM named WHERE NOT failed) USING (batch_no)"
            " WHERE rule_no = ? GROUP BY batch_no",
            [known],
        ).fetchall()
    )
    return counted


def _with(judgement: Judgement, rule: Rule, rows: int, said: str | None) -> Judgement:
    rules = {**judgement.rules, rule.name: rows} if rows else judgement.rules
    if said is None:
        return replace(judgement, rules=rules)
    reason = f"{rule.name}: {said}. The rule: {rule.description}"
    if rule.severity == "fail":
        return replace(judgement, rules=rules, verdict="failed", reasons=(reason, *judgement.reasons))
    return replace(judgement, rules=rules, reasons=(*judgement.reasons, reason))


__all__ = ["FAMILIES", "Family", "judge_across_rows"]
