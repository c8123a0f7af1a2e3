"""The chapters of the demo. Each calls the product's steps as the person whose work it is."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from flows.demo.stage import AUDITOR, ENGINEER, GOVERNANCE, OPERATOR, OWNER, VALIDATOR, Stage, Summary
from flows.running import run_step
from infra.errors import FaultError, RefusedError

PATTERN = "county_lines"
WORLD = Path(__file__).parents[2] / "simulation" / "worlds" / "demo.yaml"
POLICY = Path(__file__).parents[2] / "governance" / "policies" / "demo.yaml"
FIRST_MODEL = date(2026, 4, 26)
TOO_EARLY = date(2026, 4, 12)
LAST_DAY = date(2026, 5, 10)
BAD_DAY = date(2026, 4, 27)


def make_world(stage: Stage) -> Path:
    """Simulate the world."""
    folder = stage.folder / "world"

    def play() -> Summary:
        from simulation.simulate import simulate
        from simulation.world import load_world

        report = simulate(load_world(WORLD), folder, None, None)
        stage.say(
            f"{sum(report.reads.values()):,} reads of {report.vehicles:,} vehicles, "
            f"{report.county_lines_vehicles} of them in lines (a denser world than any real one)",
            indent=1,
        )
        return {"reads": report.reads, "vehicles": report.vehicles}

    stage.chapter("world", "A synthetic world: ten weeks, three regions", play)
    return folder


def bring_data(stage: Stage, rocu: str, world: Path) -> None:
    """Policy, camera register, eight weeks of reads, and the findings so far."""

    def play() -> Summary:
        from flows.steps.data import load_cameras, load_dispositions
        from flows.steps.policy import load_rocu_policy

        load_rocu_policy(stage.act_as(GOVERNANCE, (rocu,)), rocu, POLICY)
        operator = stage.act_as(OPERATOR, (rocu,))
        register = load_cameras(operator, rocu, world / rocu / "cameras.csv")
        files = _files(world / rocu / "reads", None, FIRST_MODEL)
        judged: Any = run_step(operator, "ingest", rocu=rocu, files=files, source="canonical", replaces=None)
        load_dispositions(operator, rocu, _files(world / rocu / "dispositions", None, FIRST_MODEL))
        stage.say(
            f"{register.cameras} cameras; {len(files)} files, {judged.rows:,} reads = {judged.accepted:,} accepted "
            f"+ {judged.quarantined:,} quarantined + {judged.duplicates:,} duplicates",
            indent=1,
        )
        return {"rows": judged.rows}

    stage.chapter(f"data-{rocu}", f"{rocu}: cameras, eight weeks of reads under contract, findings", play)


def _files(folder: Path, after: date | None, until: date) -> tuple[Path, ...]:
    return tuple(
        path
        for path in sorted(folder.iterdir())
        if (after is None or path.name[:10] > after.isoformat()) and path.name[:10] <= until.isoformat()
    )


def train_first(stage: Stage, rocu: str) -> None:
    """The first challenger."""

    def play() -> Summary:
        engineer = stage.act_as(ENGINEER, (rocu,))
        made: Any = run_step(engineer, "retrain", rocu=rocu, pattern=PATTERN, as_of=FIRST_MODEL)
        stage.say(
            f"{made.model} version {made.version}: average precision {made.average_precision:.2f}, "
            f"precision@{made.k} {made.precision_at_k:.2f}, {made.lift_over_rule:.1f} times the rule's",
            indent=1,
        )
        return {"version": made.version}

    stage.chapter(f"train-{rocu}", f"{rocu}: retrain as of {FIRST_MODEL} ({ENGINEER.name})", play)


def bring_model_into_force(stage: Stage, rocu: str) -> None:
    """Gate, two approvals by people who did not train it, a run in shadow, and the confirmation."""

    def play() -> Summary:
        from flows.steps.promotion import approve_promotion, confirm_promotion, request_promotion

        model = f"{PATTERN}.{rocu}"
        judged = request_promotion(stage.act_as(ENGINEER, (rocu,)), model, 1)
        stage.say(f"gate: {judged.gate}, all {len(judged.lines)} checks", indent=1)
        try:
            approve_promotion(stage.act_as(ENGINEER, (rocu,)), model, 1, "I trained it")
        except RefusedError as refusal:
            stage.say(f"{ENGINEER.name} tries to approve their own model: refused. {refusal.reason}", indent=1)
        # a chapter that was interrupted goes on from where the log has the version
        for person, waits in ((VALIDATOR, "requested"), (OWNER, "validated")):
            if _status(stage, rocu) == waits:
                decided = approve_promotion(stage.act_as(person, (rocu,)), model, 1, "figures and data looked at")
                stage.say(f"{person.name} approves as {person.roles[0]}: {decided.status}", indent=1)
        _score_in_shadow(stage, rocu)
        decided = confirm_promotion(stage.act_as(OWNER, (rocu,)), model, 1, "runs as it should")
        stage.say(f"{OWNER.name} confirms: {decided.status}", indent=1)
        return {"champion": decided.champion}

    stage.chapter(f"promote-{rocu}", f"{rocu}: the gate, two people, a run in shadow, and the confirmation", play)


def _status(stage: Stage, rocu: str) -> str:
    from governance.promotion.state import model_state

    return model_state(stage.act_as(OWNER, (rocu,)).audit, f"{PATTERN}.{rocu}").version("1").status


def _score_in_shadow(stage: Stage, rocu: str) -> None:
    operator = stage.act_as(OPERATOR, (rocu,))
    ran: Any = run_step(operator, "score", rocu=rocu, pattern=PATTERN, as_of=FIRST_MODEL, shadow=True)
    run = ran.shadow[0]
    stage.say(f"in shadow: {run.vehicles:,} vehicles scored, shown to nobody; {run.days} of {run.days_needed} days", 1)


def authorise_runs(stage: Stage, rocu: str) -> None:
    """Nobody is ranked without an authority for it, and who grants it does not run."""

    def play() -> Summary:
        from flows.steps.authority import grant_authority
        from governance.access.run_authority_log import Terms

        try:
            run_step(stage.act_as(OPERATOR, (rocu,)), "score", rocu=rocu, pattern=PATTERN, as_of=FIRST_MODEL)
        except RefusedError as refusal:
            stage.say(f"scoring without one: refused. {refusal.reason}", indent=1)
        terms = Terms(f"DEMO/{rocu.upper()}/1", PATTERN, "serious_crime", FIRST_MODEL, LAST_DAY)
        granted = grant_authority(stage.act_as(OWNER, (rocu,)), rocu, terms)
        stage.say(
            f"{granted.granted_by} grants {granted.reference}: {granted.purpose}, {granted.area}, windows that end "
            f"{granted.window_ends}, until {granted.expires_at}",
            indent=1,
        )
        return {"reference": granted.reference}

    stage.chapter(f"authority-{rocu}", f"{rocu}: an authority to rank the vehicles of the region", play)


def score_first(stage: Stage, rocu: str) -> None:
    """The first ranked list."""
    stage.chapter(f"score-{rocu}", f"{rocu}: score as of {FIRST_MODEL}", lambda: _score(stage, rocu, FIRST_MODEL))


def _score(stage: Stage, rocu: str, as_of: date) -> Summary:
    scored: Any = run_step(stage.act_as(OPERATOR, (rocu,)), "score", rocu=rocu, pattern=PATTERN, as_of=as_of)
    stage.say(f"{scored.vehicles:,} vehicles ranked, the first {scored.shown} explained", indent=1)
    return {"run_id": scored.run_id, "page": str(scored.page), "version": scored.version}


def refuse_bad_batch(stage: Stage, rocu: str, world: Path) -> None:
    """A day whose feed was renumbered: the contract refuses it, scoring waits, the corrected file takes its place."""

    def play() -> Summary:
        operator = stage.act_as(OPERATOR, (rocu,))
        good = next(path for path in (world / rocu / "reads").iterdir() if path.name.startswith(BAD_DAY.isoformat()))
        bad = _renumbered(good, stage.folder / "renumbered" / good.name)
        try:
            run_step(operator, "ingest", rocu=rocu, files=(bad,), source="canonical", replaces=None)
        except RefusedError as refusal:
            stage.say(f"refused: {refusal.reason}", indent=1)
        else:
            raise FaultError("The renumbered file was not refused.", "Look at the contract of the reads.")
        batch = _standing_failure(operator, rocu)
        try:
            run_step(operator, "score", rocu=rocu, pattern=PATTERN, as_of=BAD_DAY)
        except RefusedError as refusal:
            stage.say(f"scoring that day: refused. {refusal.reason}", indent=1)
        run_step(operator, "ingest", rocu=rocu, files=(good,), source="canonical", replaces=batch)
        stage.say(f"the corrected file replaces batch {batch}", indent=1)
        return {"batch": batch}

    stage.chapter("bad-batch", f"{rocu}: a bad batch of {BAD_DAY} (a feed whose cameras were renumbered)", play)


def _renumbered(good: Path, bad: Path) -> Path:
    text = gzip.decompress(good.read_bytes()).decode()
    header, *rows = text.splitlines()
    place = header.split(",").index("camera_id")
    changed = [",".join(f"9{cell}" if i == place else cell for i, cell in enumerate(row.split(","))) for row in rows]
    bad.parent.mkdir(parents=True, exist_ok=True)
    bad.write_bytes(gzip.compress("\n".join([header, *changed, ""]).encode(), mtime=0))
    return bad


def _standing_failure(operator: Any, rocu: str) -> str:
    from data_contracts.layers.reads import standing_failures

    return standing_failures(operator.lake, rocu, BAD_DAY, BAD_DAY)[0].batch_id


def later_weeks(stage: Stage, rocu: str, world: Path) -> None:
    """Two more weeks of reads and findings, and a new list."""

    def play() -> Summary:
        from flows.steps.data import load_dispositions

        operator = stage.act_as(OPERATOR, (rocu,))
        files = _files(world / rocu / "reads", FIRST_MODEL, LAST_DAY)
        run_step(operator, "ingest", rocu=rocu, files=files, source="canonical", replaces=None)
        load_dispositions(operator, rocu, _files(world / rocu / "dispositions", FIRST_MODEL, LAST_DAY))
        return _score(stage, rocu, LAST_DAY)

    stage.chapter(f"later-{rocu}", f"{rocu}: two more weeks, score as of {LAST_DAY}", play)


def watch(stage: Stage, rocu: str) -> None:
    """Monitoring: cameras, behaviour, scores, labels."""

    def play() -> Summary:
        operator = stage.act_as(OPERATOR, (rocu,))
        seen: Any = run_step(operator, "monitor", rocu=rocu, pattern=PATTERN, as_of=LAST_DAY)
        stage.say(
            f"{seen.cameras_changed} cameras changed; drift of {seen.attributed_to_cameras} features from cameras, of "
            f"{seen.attributed_to_behaviour} from behaviour; recommendation: {seen.recommendation}",
            indent=1,
        )
        for reason in seen.reasons[:3]:
            stage.say(reason, indent=2)
        return {"recommendation": seen.recommendation, "cameras": seen.cameras_changed, "page": str(seen.page)}

    stage.chapter(f"monitor-{rocu}", f"{rocu}: monitor as of {LAST_DAY}", play)


def refuse_bad_promotion(stage: Stage, rocu: str) -> int:
    """A challenger trained on too little: the gate refuses it, and the champion stays. Gives its version."""

    def play() -> Summary:
        from flows.steps.promotion import request_promotion

        made: Any = run_step(stage.act_as(ENGINEER, (rocu,)), "retrain", rocu=rocu, pattern=PATTERN, as_of=TOO_EARLY)
        try:
            request_promotion(stage.act_as(ENGINEER, (rocu,)), made.model, made.version)
        except RefusedError as refusal:
            stage.say(f"refused: {refusal.reason}", indent=1)
            return {"version": made.version, "reason": refusal.reason}
        raise FaultError("The weak challenger was not refused.", "Look at the gate's limits in the policy.")

    title = f"{rocu}: a challenger trained on the first weeks alone asks for promotion"
    return int(stage.chapter("bad-promotion", title, play)["version"])


def deploy_everything(stage: Stage, rocus: Sequence[str]) -> None:
    """One deployment per ROCU and flow on the Prefect server, read back from it."""

    def play() -> Summary:
        from flows.deployments import schedules
        from flows.steps.deployment import deploy_flows

        deploy_flows(stage.act_as(OPERATOR, tuple(rocus)), rocus, PATTERN)
        rows = schedules(stage.settings)
        stage.say(f"the server has {len(rows)} schedules, for instance {rows[0].flow}/{rows[0].rocu} {rows[0].cron}", 1)
        stage.say("this server ends with the demo; make stack starts one that stays", 1)
        return {"schedules": len(rows)}

    stage.chapter("deploy", "Deployments and schedules per ROCU", play)


def record_page_of(stage: Stage, rocu: str) -> Path:
    """Where the demo puts the model record of a ROCU."""
    return stage.folder / f"record-{PATTERN}.{rocu}-1.html"


def follow_a_row_back(stage: Stage, rocu: str, rocus: Sequence[str]) -> None:
    """From the first row of a list to the files as they were delivered; and the audit log, whole."""

    def play() -> Summary:
        from flows.steps.audit import verify_audit
        from flows.steps.lineage import trace
        from flows.steps.ranked_list import ranked

        row = ranked(stage.act_as(OPERATOR, (rocu,)), rocu, PATTERN, LAST_DAY, 1).rows[0]
        for sentence in (*row.cautions, *row.facts[:3]):
            stage.say(f"- {sentence}", indent=1)
        auditor = stage.act_as(AUDITOR, ("*",))
        for one in rocus:
            trace(auditor, f"{PATTERN}.{one}", 1, None, record_page_of(stage, one))
        answer = trace(auditor, None, None, row.run_id, None)
        landed = sum(node["label"] == "landing" for node in answer.data["nodes"])
        report = verify_audit(auditor)
        stage.say(f"run {row.run_id} comes from {landed} landing files, each by its SHA-256", indent=1)
        stage.say(f"audit log: {report.rows} rows, the chain is whole", indent=1)
        return {"landing": landed}

    stage.chapter("trace", f"{rocu}: the first row of the list of {LAST_DAY}, traced back", play)
