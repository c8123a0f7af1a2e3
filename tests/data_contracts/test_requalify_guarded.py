"""Judging again opens sealed files: who may, what is said first, and what stays shut."""

from __future__ import annotations

from dataclasses import replace

import pytest
from requalify_support import END, LATE, START, WIDE, check_conserved, judge_of, requalify

from data_contracts import requalify as requalify_module
from data_contracts.judgement.moved_rows import Asked
from data_contracts.layers.reads import batches
from data_contracts.requalify import judge_again, records_of_days
from infra.errors import RefusedError
from infra.settings import Settings
from infra.vault import reveal


def without_key(room):
    recipient = (room.settings.keys / "vault_recipient.txt").read_text().strip()
    return replace(
        room,
        settings=Settings(home=room.settings.root, memory_limit="1GB", vault_recipient=recipient),
    )


def test_a_process_without_the_private_key_is_refused(late):
    before = late.snapshot()
    with pytest.raises(RefusedError, match="no private key"):
        requalify(without_key(late), max_quarantine_share=1)
    assert late.snapshot() == before


def test_a_landing_file_that_is_gone_damaged_or_another_is_refused(late, row):
    from infra.vault import seal_file

    ((_, batch),) = batches(late.lake, late.rocu)
    sealed = late.lake.folder("landing", late.rocu) / f"{batch.sha256}.age"
    whole = sealed.read_bytes()
    sealed.write_bytes(whole[:-5])
    with pytest.raises(RefusedError, match="was changed"):
        requalify(late, max_quarantine_share=1)
    seal_file(late.settings, late.deliver("other.csv", row(vrm="XY21ZZZ")), sealed)
    with pytest.raises(RefusedError, match="SHA-256 differs"):
        requalify(late, max_quarantine_share=1)
    sealed.unlink()
    with pytest.raises(RefusedError, match=r"no longer in landing: \w+ \(one.csv\)"):
        requalify(late, max_quarantine_share=1)
    sealed.write_bytes(whole)
    assert len(requalify(late, max_quarantine_share=1)) == 1


@pytest.mark.parametrize("rows_in_memory", [1_000, 0])
def test_no_plate_lies_in_the_clear_while_and_after(room, row, monkeypatch, rows_in_memory):
    monkeypatch.setattr(requalify_module, "ROWS_AT_ONCE", rows_in_memory)
    texts = ["AB12CDE", "XY21ZZZ"]
    room.ingest(room.deliver("AB12CDE.csv", row(), row(vrm=texts[1], camera_id="CAM-3")), **WIDE)
    room.cameras(LATE)
    looked = []

    def look(_):
        looked.append([path.name for path in room.settings.root.rglob("rows.db")])
        for path in room.settings.root.rglob("*"):
            if path.is_file() and not path.is_symlink() and path.suffix != ".age":
                assert not any(text.encode() in path.read_bytes() for text in texts), path

    judge = judge_of(room, **WIDE)
    (done,) = judge_again(judge, records_of_days(judge, START, END), "late", lambda _: None, look)
    look("after")
    assert len(looked) > 3
    assert (["rows.db"] in looked) == (rows_in_memory == 0)
    assert looked[-1] == []
    assert done.batches[0].after.delivered_as == "(name withheld)"
    assert not list((room.settings.root / "work").rglob("*.csv"))


def test_the_vault_is_opened_only_after_it_was_said(late):
    judge, before = judge_of(late), late.snapshot()

    def refuse(_):
        raise RefusedError("The log takes no entry.", "See to it.")

    with pytest.raises(RefusedError, match="no entry"):
        list(judge_again(judge, records_of_days(judge, START, END), "late", refuse, lambda _: None))
    assert late.snapshot() == before


def test_tokens_of_before_still_lead_back(late):
    """Tokens that the new judgement does not make any more stay in the vault: lists with them were handed out."""
    import pyarrow as pa

    from infra.pseudonyms import load_pseudonymiser
    from infra.vault import write_segment

    ((_, batch),) = batches(late.lake, late.rocu)
    token = load_pseudonymiser(late.settings, late.rocu).token("OLDGRAMMAR1")
    write_segment(
        late.settings, late.lake, late.rocu, batch.batch_id, pa.table({"vehicle": [token], "vrm": ["OLDGRAMMAR1"]})
    )
    requalify(late, max_quarantine_share=1)
    (now,) = [vehicle for vehicle, camera in late.reads("vehicle, camera_id") if camera == "CAM-1"]
    found = reveal(late.settings, late.lake, late.rocu, {token: [batch.batch_id], now: [batch.batch_id]})
    assert found == {token: "OLDGRAMMAR1", now: "AB12CDE"}


def test_rows_asked_about_are_counted_apart(late):
    asked = Asked(rule="camera_not_registered", camera="CAM-3")
    (tried,) = requalify(late, trial=True, asked=asked, max_quarantine_share=1)
    assert (tried.batches[0].asked, tried.batches[0].released) == (2, 1)
    assert dict(tried.batches[0].held) == {"confidence_out_of_range": 1}


def test_many_small_files_of_one_record(room, row):
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = [room.deliver(f"{n}.csv", row(vrm=f"AB12C{chr(65 + n // 24)}{chr(65 + n % 24)}")) for n in range(60)]
    room.ingest(*files, max_unknown_format_share=1)
    room.cameras(LATE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (300, hard))
    try:
        (done,) = requalify(room, max_unknown_format_share=1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert len(done.batches) == 60
    check_conserved(room)
