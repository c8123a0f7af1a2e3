"""Records of an ingest against the log: added, changed, gone, or pointing elsewhere; what a kill leaves is none."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from data_contracts.layers.manifests import BatchManifest, DispositionRecord, IngestRecord, PartRef
from data_contracts.layers.placing import Record, place_record
from governance.audit.log import AuditLog, Entry, Row, open_audit
from governance.lineage.on_record import complete_record, require_on_record, witness_of
from infra.database import open_database
from infra.errors import RefusedError
from infra.identity import issue_token, verify_token
from infra.lake import Lake
from infra.settings import Settings

NOW = datetime(2026, 11, 20, 9, 0, tzinfo=UTC)
ROCU = "nwrocu"
BATCH = BatchManifest(
    batch_id="b" * 16, sha256="b" * 64, size_bytes=1, delivered_as="a.csv", source="canonical", rows=1, accepted=1,
    quarantined=0, duplicates=0, rules={}, verdict="passed",
)  # fmt: skip


def part(name: str) -> PartRef:
    return PartRef(layer="reads", path=f"reads/{name}", sha256=name * 64, rows=1, date=date(2026, 11, 1))


def record(name: str, supersedes: tuple[str, ...] = ()) -> IngestRecord:
    return IngestRecord(
        ingest_id=name * 16, rocu=ROCU, ingested_at=NOW, contract_version="1", contract_digest="c", register_digest="r",
        source_digest="s", batches=(BATCH,), parts=(part(name),), supersedes=supersedes,
    )  # fmt: skip


class Brought:
    """A lake whose records were brought in by Omar, and the log that has them."""

    def __init__(self, folder: Path) -> None:
        settings = Settings(home=folder)
        self.lake = Lake(settings.lake)
        self.audit: AuditLog = open_audit(settings, open_database(settings))
        signed = issue_token(settings, "Omar Vance", ("operator",), (ROCU,), timedelta(hours=1), NOW)
        self.identity = verify_token(settings, signed, NOW)
        self.witness = witness_of(self.audit, self.identity, lambda: NOW, self.lake)
        self.load_register("r")
        self.place(record("1"))
        self.place(record("2", ("1" * 16,)))

    def load_register(self, digest: str) -> None:
        loaded = Entry.by(
            self.identity, action="cameras.load", operation="collection", rocu=ROCU, object="camera register",
            outcome="done", details={"digest": digest},
        )  # fmt: skip
        self.audit.append(loaded, NOW)

    def file(self, name: str) -> Path:
        return self.lake.folder("ingests", ROCU) / f"{name * 16}.json"

    def place(self, made: IngestRecord) -> None:
        place_record(self.file(made.ingest_id[0]), made, self.witness)

    def require(self, *names: str) -> None:
        require_on_record(self.audit, self.lake, "ingest", ROCU, [part(name) for name in names])

    def complete(self) -> tuple[Record, ...]:
        return complete_record(self.audit, self.lake, "ingest", ROCU, self.identity, lambda: NOW, nullcontext)

    def placed(self, name: str) -> int:
        rows = self.audit.done(ROCU, "ingest.placed")
        return sum(row.details["record"] == name * 16 for row in rows)


@pytest.fixture
def brought(tmp_path: Path) -> Brought:
    made = Brought(tmp_path)
    made.require("2")
    return made


def test_a_record_that_nobody_brought_is_named_with_its_parts(brought: Brought) -> None:
    brought.file("3").write_text(record("3").model_dump_json(indent=1))
    with pytest.raises(RefusedError, match=r"not as the audit log has them: 3{16}\. They name: reads/3"):
        brought.require("2")


def test_so_is_one_that_is_no_record_and_one_that_was_changed(brought: Brought) -> None:
    whole = brought.file("2").read_text()
    for changed in ("{}", whole.replace("reads/2", "reads/9"), whole + "\n"):
        brought.file("2").write_text(changed)
        with pytest.raises(RefusedError, match=r"not as the audit log has them: 2{16}"):
            brought.require("2")
    brought.file("2").write_text(whole)
    brought.require("2")


def test_without_the_later_record_the_earlier_does_not_come_back(brought: Brought) -> None:
    brought.file("2").unlink()
    with pytest.raises(RefusedError, match=r"gone from the lake: 2{16}"):
        brought.require("1")


def test_a_part_that_is_in_no_record_is_named(brought: Brought) -> None:
    """As it is if somebody changes a record and puts it back while it is looked at."""
    with pytest.raises(RefusedError, match="no longer in any: reads/7"):
        brought.require("2", "7")


def test_another_rocu_s_record_is_not_on_record_here(brought: Brought) -> None:
    other = brought.lake.folder("ingests", "yhrocu") / brought.file("2").name
    other.parent.mkdir(parents=True)
    other.write_bytes(brought.file("2").read_bytes())
    with pytest.raises(RefusedError, match="of yhrocu are not as"):
        require_on_record(brought.audit, brought.lake, "ingest", "yhrocu", ())


def test_what_a_kill_leaves_before_it_is_placed_is_no_fault(brought: Brought) -> None:
    made = record("4")
    with pytest.raises(KeyboardInterrupt), brought.witness(made, "4" * 64):
        raise KeyboardInterrupt
    assert not brought.file("4").exists()
    brought.require("2")
    assert brought.complete() == ()
    brought.place(made)
    brought.require("2", "4")


def test_what_a_kill_leaves_once_it_is_placed_is_logged_by_the_next_call(brought: Brought) -> None:
    """Else nobody would notice if it was taken away."""

    @contextmanager
    def killed(made: Record, sha256: str) -> Iterator[None]:
        with brought.witness(made, sha256):
            yield
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        place_record(brought.file("4"), record("4"), killed)
    brought.require("2", "4")
    assert brought.placed("4") == 0
    assert brought.complete() == (record("4"),)
    assert brought.placed("4") == 1
    assert brought.complete() == ()
    brought.file("4").unlink()
    with pytest.raises(RefusedError, match=r"gone from the lake: 4{16}"):
        brought.require("2")


@pytest.mark.parametrize("before_the_log_is_read", [True, False])
def test_a_record_that_is_placed_meanwhile_is_no_fault(
    brought: Brought, monkeypatch: pytest.MonkeyPatch, before_the_log_is_read: bool
) -> None:
    done, waiting = brought.audit.done, [record("4")]

    def placed_meanwhile(rocu: str, action: str) -> tuple[Row, ...]:
        if before_the_log_is_read and waiting:
            brought.place(waiting.pop())
        rows = done(rocu, action)
        if waiting:
            brought.place(waiting.pop())
        return rows

    monkeypatch.setattr(brought.audit, "done", placed_meanwhile)
    brought.require("2")
    assert not waiting
    brought.require("2", "4")


def test_nothing_is_placed_beside_a_record_that_nobody_brought(brought: Brought) -> None:
    """It may have come after its step had looked."""
    brought.file("3").write_text(record("3").model_dump_json(indent=1))
    with pytest.raises(RefusedError, match=r"not as the audit log has them: 3{16}"):
        brought.place(record("4"))
    assert not brought.file("4").exists()


def test_only_records_that_parts_point_to_are_parsed(brought: Brought, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed = []
    parse = IngestRecord.model_validate_json.__func__

    def counted(form: type[IngestRecord], text: bytes) -> IngestRecord:
        made: IngestRecord = parse(form, text)
        parsed.append(made.ingest_id[0])
        return made

    named = PartRef(layer="reads", path=f"reads/{'5' * 16}.parquet", sha256="5" * 64, rows=1)
    brought.place(record("5").model_copy(update={"parts": (named,)}))
    monkeypatch.setattr(IngestRecord, "model_validate_json", classmethod(counted))
    brought.require()
    assert parsed == []
    require_on_record(brought.audit, brought.lake, "ingest", ROCU, [named])
    assert parsed == ["5"]


def test_batches_are_named_once(brought: Brought) -> None:
    rows = brought.audit.done(ROCU, "ingest.")
    assert {row.action for row in rows if "batches" in row.details} == {"ingest.record"}


def test_a_log_that_does_not_take_the_entry_leaves_no_record(brought: Brought) -> None:
    brought.audit.append(record_of_later(brought), datetime(2027, 1, 1, tzinfo=UTC))
    with pytest.raises(RefusedError, match="clock"):
        brought.place(record("5"))
    assert not brought.file("5").exists()


def record_of_later(brought: Brought) -> object:
    from governance.audit.log import Entry

    return Entry(
        action="ingest", operation="collection", actor="embedded:omar", actor_name="Omar", actor_roles=("operator",),
        rocu=ROCU, object="reads", outcome="done",
    )  # fmt: skip


def findings(name: str) -> DispositionRecord:
    return DispositionRecord(
        rocu=ROCU, loaded_at=NOW, contract_version="1", contract_digest="c", source_digest="s", batch=BATCH,
        parts=(part(name),),
    )  # fmt: skip


def test_findings_are_held_against_the_log_as_well(brought: Brought) -> None:
    file = brought.lake.folder("dispositions", ROCU) / f"{BATCH.batch_id}.json"
    place_record(file, findings("6"), brought.witness)
    require_on_record(brought.audit, brought.lake, "dispositions", ROCU, [part("6")])
    file.write_text(file.read_text().replace("reads/6", "reads/8"))
    with pytest.raises(RefusedError, match=r"Records of findings .* They name: reads/8"):
        require_on_record(brought.audit, brought.lake, "dispositions", ROCU, [part("8")])


def test_what_a_record_was_before_it_was_placed_anew_is_refused(brought: Brought) -> None:
    """As that of a failed file, which is loaded again; what only was to be placed leaves the older one in force."""
    file = brought.lake.folder("dispositions", ROCU) / f"{BATCH.batch_id}.json"
    place_record(file, findings("6"), brought.witness)
    older = file.read_bytes()
    with pytest.raises(KeyboardInterrupt), brought.witness(findings("7"), "7" * 64):
        raise KeyboardInterrupt
    require_on_record(brought.audit, brought.lake, "dispositions", ROCU, [part("6")])
    place_record(file, findings("7"), brought.witness)
    require_on_record(brought.audit, brought.lake, "dispositions", ROCU, [part("7")])
    file.write_bytes(older)
    with pytest.raises(RefusedError, match=r"Records of findings .* They name: reads/6"):
        require_on_record(brought.audit, brought.lake, "dispositions", ROCU, [part("6")])


def test_no_record_is_placed_that_was_judged_by_a_register_that_nobody_loaded(brought: Brought) -> None:
    """As it is if somebody exchanges the register once the step has held it against the log."""
    with pytest.raises(
        RefusedError, match=r"in the lake \(x\) is not the one that the audit log says was loaded \(r\)"
    ):
        brought.place(record("3").model_copy(update={"register_digest": "x"}))
    assert not brought.file("3").exists()
    brought.load_register("x")
    brought.place(record("3").model_copy(update={"register_digest": "x"}))
    brought.require("3")
