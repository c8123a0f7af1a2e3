"""What lies in the workspace of a training is not believed by the gate: it makes the snapshot again from the lake."""

from __future__ import annotations

import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from loop_support import AS_OF, MODEL, PEOPLE, Loop, token

from infra.lake import file_sha256
from models import stages
from models.evaluation import evaluate_model
from models.inputs import TrainingInputs
from models.snapshot import SnapshotRecord, rows_of
from models.training import train_model


def alter(folder: Path) -> None:
    """Swap labels of the rows trained on, and put beside them what an honest run would have left of such rows."""
    snapshot, record = folder / stages.SNAPSHOT, folder / stages.SNAPSHOT_RECORD
    inputs = TrainingInputs.model_validate_json((folder / stages.INPUTS).read_bytes())
    kept = SnapshotRecord.model_validate_json(record.read_bytes())
    table = pq.ParquetFile(snapshot).read()
    trained_on = pc.equal(table["split"], "train")
    other = pc.if_else(trained_on, pc.subtract(1, table["label"].cast(pa.int64())), table["label"].cast(pa.int64()))
    at = table.column_names.index("label")
    table = table.set_column(at, table.schema.field(at), other.cast(table.schema.field(at).type))
    pq.write_table(table, snapshot)
    text, training = train_model(rows_of(table, "train"), kept.features, inputs.training)
    found = evaluate_model(text, table, inputs.capacity, inputs.training)
    record.write_text(kept.model_copy(update={"sha256": file_sha256(snapshot)}).model_dump_json())
    (folder / stages.MODEL).write_text(text)
    (folder / stages.TRAINING_RECORD).write_text(training.model_dump_json())
    (folder / stages.EVALUATION).write_text(found.model_dump_json())


def test_findings_altered_in_the_workspace_before_it_registered_come_past_no_gate(
    delivered: Loop, in_force: Loop, tmp_path: Path
) -> None:
    loop = Loop(tmp_path / "home", delivered.world)
    shutil.copytree(delivered.home.parent / "as delivered", loop.home)
    for who in PEOPLE:
        token(loop.home, who)
    shutil.copytree(in_force.home / "workspaces", loop.home / "workspaces")
    (evaluation,) = (loop.home / "workspaces").rglob(stages.EVALUATION)
    alter(evaluation.parent)
    honest = in_force.done("auditor", "models", "show", MODEL, "1", "--json").data["model_sha256"]
    made = loop.done("engineer", "retrain", "--rocu", "nwrocu", "--as-of", AS_OF, "--json").data
    assert made["model_sha256"] != honest
    said = loop("engineer", "promote", "request", MODEL, "1")
    assert said.code == 1, said.out
    assert "made again from the lake, is another than it was trained on" in " ".join(said.err.split())
    assert "reproducible" in said.err
    assert loop.done("auditor", "models", "show", MODEL, "1", "--json").data["state"] == "gate refused"
