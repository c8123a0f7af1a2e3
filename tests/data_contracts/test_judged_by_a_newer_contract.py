"""A batch that an older version of the contract judged is judged again by the one in force, and both verdicts stay."""

from __future__ import annotations

from requalify_support import check_conserved, failures, requalify

import data_contracts.ingest
from data_contracts.contract.document import load_contract
from data_contracts.layers.reads import batches, standing_batches

OLDER = "1.0.0"
LIMITS = {"min_batch_reads": 50}


def test_a_batch_is_judged_again_by_a_newer_version_without_being_delivered_again(room, row, monkeypatch):
    """Two cameras 50 km apart read the same plates within a minute, of which the older version has no rule."""
    rows = [
        row(vrm=f"AB12C{letter}{other}", captured_at=f"2026-05-18T08:{minute}:00Z", received_at="", camera_id=camera)
        for letter in "ABCDEF"
        for other in "ABCDEFGH"
        for minute, camera in (("00", "CAM-1"), ("01", "CAM-2"))
    ]
    with monkeypatch.context() as before:
        before.setattr(data_contracts.ingest, "load_contract", lambda name: load_contract(name, OLDER))
        (then,) = room.ingest(room.deliver("one.csv", *rows), **LIMITS).batches
    assert (then.verdict, then.accepted) == ("passed", len(rows))
    delivered = len(list(room.lake.folder("landing", room.rocu).iterdir()))

    (done,) = requalify(room, **LIMITS)

    current = load_contract("reads").version
    (batch,) = done.batches
    assert (batch.before.verdict, batch.after.verdict) == ("passed", "failed")
    assert (batch.after.accepted, batch.after.quarantined) == (0, len(rows))
    kept = [(record.contract_version, judged.verdict) for record, judged in batches(room.lake, room.rocu)]
    assert sorted(kept) == [(OLDER, "passed"), (current, "failed")]
    assert [record.contract_version for record, _ in standing_batches(room.lake, room.rocu)] == [current]
    assert failures(room) == [then.batch_id]
    assert len(list(room.lake.folder("landing", room.rocu).iterdir())) == delivered
    check_conserved(room)
    assert requalify(room, **LIMITS) == []
