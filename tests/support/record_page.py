"""The page of a made-up model version, for tests of the record and of lineage."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

from governance.lineage.graph import LineageEdge, LineageGraph, LineageNode
from governance.pages.models import BatchRow, DecisionRow, Fact, FigureRow, GateRow, GroupRow, ModelRecordPage, Plot

SVG = b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="60" height="40"/></svg>'
START = date(2026, 3, 2)


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def graph(days: int = 28) -> LineageGraph:
    landing = [
        LineageNode(
            id=f"landing:{sha(f'l{i}')}",
            kind="dataset",
            label="landing",
            name=f"2026-03-{i + 1:02}.csv.gz",
            digest=sha(f"l{i}"),
        )
        for i in range(days)
    ]
    reads = [
        LineageNode(
            id=f"reads:{sha(f'r{i}')}",
            kind="dataset",
            label="reads",
            name=f"reads/{i}.parquet",
            digest=sha(f"r{i}"),
            rows=12000 + i,
            date=(START + timedelta(days=i)).isoformat(),
        )
        for i in range(days)
    ]

    def step(job: str, hour: int, **facts: str) -> LineageNode:
        return LineageNode(
            id=f"step:{job}:{job}-1",
            kind="step",
            label=job,
            run_id=f"{job}-1",
            at=f"2026-05-04T{hour:02}:00:00+00:00",
            facts=facts,
        )

    ingest, findings = step("ingest", 1, contract_version="1.0.0"), step("dispositions", 2)
    snapshot_step, train = step("snapshot", 3, commit="9a01cc3d"), step("train", 4, commit="9a01cc3d")
    labels_file = LineageNode(id="landing:f", kind="dataset", label="landing", name="findings.csv", digest=sha("f"))
    register = LineageNode(
        id="registers:c", kind="dataset", label="registers", name="cameras", digest=sha("c"), rows=120
    )
    labels = LineageNode(id="dispositions:d", kind="dataset", label="dispositions", digest=sha("d"), rows=210)
    snapshot = LineageNode(id="snapshots:s", kind="dataset", label="snapshots", digest=sha("s"), rows=4200)
    model = LineageNode(id="models:m", kind="dataset", label="models", name="county_lines.nwrocu 3", digest=sha("m"))
    pairs = [(register, ingest), (labels_file, findings), (findings, labels), (labels, snapshot_step)]
    pairs += [(node, ingest) for node in landing] + [(ingest, node) for node in reads]
    pairs += [(node, snapshot_step) for node in reads] + [(snapshot_step, snapshot), (snapshot, train), (train, model)]
    nodes = {node.id: node for pair in pairs for node in pair}
    return LineageGraph(
        rocu="nwrocu",
        root=model.id,
        nodes=tuple(nodes[name] for name in sorted(nodes)),
        edges=tuple(LineageEdge(source=a.id, target=b.id) for a, b in pairs),
    )


BATCHES: tuple[BatchRow, ...] = tuple(
    BatchRow(
        batch_id=sha(f"l{i}")[:16],
        delivered_as=f"2026-03-{i + 1:02}.csv.gz",
        sha256=sha(f"l{i}"),
        contract_version="1.0.0",
        verdict="passed_with_quarantine" if i % 5 == 0 else "passed",
        rows=12500,
        accepted=12300,
        quarantined=80,
        duplicates=120,
    )
    for i in range(8)
)
FIGURES: tuple[FigureRow, ...] = (
    FigureRow(
        name="Average precision",
        challenger="0.41 (0.32 to 0.52)",
        champion="0.36 (0.27 to 0.46)",
        baseline="0.18",
    ),
    FigureRow(name="Precision at 30", challenger="0.43 (0.33 to 0.53)", baseline="0.20"),
)
GATE: tuple[GateRow, ...] = (
    GateRow(
        name="average precision",
        what="better than the floor",
        limit="at least 0.10",
        source="policy nwrocu 2026-04",
        value="0.41",
        result="passed",
    ),
    GateRow(
        name="against champion",
        what="no worse on the same hold-out",
        limit="difference at least -0.02",
        source="policy nwrocu 2026-04",
        value="0.05",
        result="passed",
    ),
)
GROUPS: tuple[GroupRow, ...] = tuple(
    GroupRow(
        attribute="camera_density",
        group=name,
        rows=rows,
        selected=selected,
        confirmed=6,
        expected=20 * rows / 1000,
        selection_rate=selected / rows,
        precision="50.0%" if selected else "none",
        recall="33.3%",
        judged=rows > 100,
    )
    for name, rows, selected in (("sparse: up to 3 cameras", 900, 20), ("dense: over 6 cameras", 100, 0))
)
DECISIONS: tuple[DecisionRow, ...] = (
    DecisionRow(at="2026-05-04 06:20", action="promotion requested", by="Sam Carter, ml_engineer", outcome="done"),
    DecisionRow(at="2026-05-04 06:20", action="gate", by="policy nwrocu 2026-04", outcome="passed"),
    DecisionRow(
        at="2026-05-04 07:00",
        action="approval",
        by="Sam Carter, ml_engineer",
        outcome="refused",
        reason="The trainer of a version may not approve it.",
    ),
    DecisionRow(at="2026-05-04 09:00", action="approval", by="Ruth Okafor, governance", outcome="approved"),
    DecisionRow(at="2026-05-04 09:30", action="approval", by="Ian Price, governance", outcome="approved"),
)


def model_record(**changes: object) -> ModelRecordPage:
    page = ModelRecordPage(
        rocu="nwrocu",
        region="North West",
        model="county_lines.nwrocu",
        version="3",
        status="champion",
        made_at="2026-05-04 06:10",
        purpose="Ranking vehicles whose movements have the shape of county lines activity, for an analyst to examine.",
        not_for="Stopping a vehicle, naming a person, or any decision without a person.",
        identity=(
            Fact(name="Pattern", value="County lines"),
            Fact(name="Trained by", value="Sam Carter (embedded:sam carter)"),
            Fact(name="Commit", value="9a01cc3d5b6a", code=True),
        ),
        digests=(
            Fact(name="Model text", value=sha("m"), code=True),
            Fact(name="Training inputs", value=sha("i"), code=True),
        ),
        data=(
            Fact(name="Contract", value="reads 1.0.0"),
            Fact(name="Windows", value="2026-03-29 to 2026-04-26, 5 window ends"),
        ),
        batches=BATCHES,
        evidence_digest=sha("e"),
        figures=FIGURES,
        trials=(Fact(name="training-serving parity", value="1,200 rows made again: all the same to the bit"),),
        groups=GROUPS,
        gate_outcome="passed",
        gate=GATE,
        decisions=DECISIONS,
        plots=(
            Plot(
                title="Precision and recall",
                media_type="image/svg+xml",
                content=SVG,
                description="Precision falls from 0.8 to 0.2 as recall rises",
            ),
        ),
        lineage=graph(),
        dvc_lock="schema: '2.0'\nstages:\n  train@nwrocu:\n    cmd: python -m models.stages train\n",
    )
    return page.model_copy(update=changes)
