"""Bad input at the command line: one clear error each, the fitting exit code, nothing lost."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from loop_support import AS_OF, MODEL, PEOPLE, PSEUDONYM_KEY, ROOT, SMALL, Loop, Said, run, token

from data_contracts.intake.set_aside import set_aside
from data_contracts.sources.model import load_source
from flows.schedules import load_schedules
from governance.policy.document import read_policy
from infra.errors import WrongInputError
from infra.identity import issue_token
from infra.lake import Lake, exclusive, file_sha256
from infra.settings import Settings
from simulation.world import load_world

HEADER = b"vrm,captured_at,camera_id\n"


def _state(home: Path) -> set[str]:
    """What the lake holds, but for locks."""
    return {str(path) for path in (home / "lake").rglob("*") if path.is_file()}


def check_told(said: Said, code: int, *words: str) -> None:
    assert said.code == code, said.err
    assert said.err.count("what to do:") == 1
    assert "Traceback" not in said.err
    for word in words:
        assert word in said.err, said.err


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing.csv", None, ("no file", "missing.csv")),
        ("empty.csv", b"", ("empty.csv",)),
        ("columns.csv", b"plate,time\nAB12CDE,2026-03-02T10:00:00Z\n", ("columns.csv", "vrm")),
        ("picture.csv", b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, ("picture.csv",)),
        ("cut.csv.gz", gzip.compress(HEADER + b"AB12CDE,2026-03-02T10:00:00Z,1\n" * 999, mtime=0)[:-20], ("cut",)),
        ("zone.csv", b"vrm,captured_at,camera_id\nAB12CDE,2026-03-02T10:00:00,1010011\n", ("zone",)),
        ("reads.xlsx", b"PK\x03\x04" + bytes(60), ("reads.xlsx", "ZIP archive or a spreadsheet")),
        ("report.pdf", b"%PDF-1.7\n", ("report.pdf", "PDF")),
        ("twice.gz", gzip.compress(gzip.compress(HEADER, mtime=0), mtime=0), ("twice.gz", "gzip twice")),
        ("bomb.gz", gzip.compress(HEADER + b"a,b,c\n" * (12 << 20), 6, mtime=0), ("bomb.gz", "200 times")),
        ("wide.csv", HEADER.decode().encode("utf-16"), ("wide.csv", "UTF-8")),
        ("line.csv", b"x" * (3 << 20), ("line.csv", "header")),
        ("new\nline.csv", b"", ("new\\nline.csv", "empty")),
        ("end.parquet", b"PAR1" + bytes(40) + b"PAR1", ("end.parquet", "damaged")),
        ("nothing.csv", HEADER, ("nothing.csv", "no rows")),
    ],
)  # fmt: skip
def test_files_that_cannot_be_taken(
    delivered: Loop, tmp_path: Path, name: str, content: bytes | None, words: tuple[str, ...]
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    before = _state(delivered.home)
    check_told(delivered("operator", "ingest", "--rocu", "nwrocu", file), 2, *words)
    if "zone" not in name and "nothing" not in name:
        for command in ("cameras", "dispositions"):
            check_told(delivered("operator", command, "load", "--rocu", "nwrocu", file), 2, words[0])
    assert _state(delivered.home) == before
    assert content is None or file.read_bytes() == content


@pytest.mark.parametrize(
    "arguments",
    [
        ("ingest", "--rocu", "mars", "x.csv"),
        ("score", "--rocu", "mars", "--as-of", AS_OF),
        ("score", "--rocu", "nwrocu", "--pattern", "teapots", "--as-of", AS_OF),
        ("score", "--rocu", "nwrocu", "--as-of", "yesterday"),
        ("score", "--rocu", "nwrocu", "--as-of", "2027-01-01"),
        ("score", "--rocu", "nwrocu", "--from", "2026-04-05", "--to", "2026-04-01"),
        ("score", "--rocu", "nwrocu"),
        ("scores", "--rocu", "nwrocu", "--as-of", "2026-03-03"),
        ("monitor", "--rocu", "nwrocu", "--as-of", "2027-01-01"),
        ("ingest", "--rocu", "nwrocu", "--source", "nosuch.yaml", "x.csv"),
        ("ingest", "--rocu", "nwrocu", "--replaces", "0123456789abcdef", str(SMALL)),
        ("promote", "history", "county_lines"),
    ],
)
def test_unknown_names_and_dates(in_force: Loop, arguments: tuple[str, ...]) -> None:
    check_told(in_force("operator", *arguments), 2)


def test_a_version_that_is_not_there(in_force: Loop) -> None:
    check_told(in_force("engineer", "promote", "request", MODEL, "99"), 2, "99")
    check_told(in_force("auditor", "reproduce", MODEL, "99"), 2, "99")
    check_told(in_force("auditor", "lineage", "--scores", "feedfeedfeedfeed"), 2)
    check_told(in_force("auditor", "lineage"), 2)


def test_a_camera_that_is_not_registered_goes_to_quarantine_with_its_rule(delivered: Loop, tmp_path: Path) -> None:
    good = next((delivered.world / "nwrocu" / "reads").iterdir())
    header, *rows = (gzip.decompress(good.read_bytes()) if good.suffix == ".gz" else good.read_bytes()).splitlines()
    strange = rows[0].split(b",")
    strange[header.split(b",").index(b"camera_id")] = b"no-such-camera"
    file = tmp_path / "reads.csv"
    file.write_bytes(b"\n".join([header, *rows[1:40], b",".join(strange), b""]))
    said = delivered("operator", "ingest", "--rocu", "nwrocu", file, "--json")
    assert said.data["batches"][0]["rules"]["camera_not_registered"] == 1
    assert said.data["rows"] == said.data["accepted"] + said.data["quarantined"] + said.data["duplicates"] == 40


def test_a_world_with_an_unknown_key(tmp_path: Path) -> None:
    world = tmp_path / "world.yaml"
    world.write_text(SMALL.read_text() + "\nflying_cars: 7\n")
    check_told(run(tmp_path / "home", "simulate", "--world", world, "--out", tmp_path / "out"), 2, "flying_cars")
    assert not (tmp_path / "out").exists()


NO_YAML = ["day: 2026-99-99", 'time: !!timestamp "9"', "[" * 5000, "a: [", "\x00"]


@pytest.mark.parametrize("text", NO_YAML)
def test_a_text_that_is_no_yaml_is_wrong_input_wherever_one_is_read(tmp_path: Path, text: str) -> None:
    file = tmp_path / "given.yaml"
    file.write_text(text)
    for read in (load_world, load_source, load_schedules, read_policy):
        with pytest.raises(WrongInputError):
            read(str(file) if read is load_source else file)


def test_a_world_is_a_file(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to("loop")
    for path in (tmp_path / "pipe", tmp_path / "loop", tmp_path / "pipe" / "below", tmp_path):
        with pytest.raises(WrongInputError, match="no world file"):
            load_world(path)


def test_a_policy_with_an_unknown_key(delivered: Loop, tmp_path: Path) -> None:
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: x\ngate: {min_average_precison: 0.0}\n")
    check_told(delivered("governance", "policy", "load", policy, "--rocu", "nwrocu"), 2, "min_average_precison")


def test_loading_a_policy_shows_what_changes_and_which_way(delivered: Loop, tmp_path: Path) -> None:
    loop = Loop(tmp_path / "home", delivered.world)
    policy = tmp_path / "policy.yaml"
    policy.write_text("version: a\ningest: {clock_skew_max_s: 600, max_quarantine_share: 0.02}\ncapacity: 20\n")
    first = loop.done("governance", "policy", "load", policy, "--rocu", "nwrocu").out
    assert "1 weaker, 1 stricter (against packaged default)" in first
    assert [line.split("│")[1:5] for line in first.splitlines() if "│ ingest." in line] == [
        [" ingest.clock_skew_max_s     ", " 300.0  ", " 600.0 ", " weaker   "],
        [" ingest.max_quarantine_share ", " 0.05   ", " 0.02  ", " stricter "],
    ]
    policy.write_text("version: b\ningest: {clock_skew_max_s: 600}\nvault: {authority_format: '.+'}\n")
    said = loop.done("governance", "policy", "load", policy, "--rocu", "nwrocu", "--json").data
    assert said["compared_with"] == "policy.yaml (loaded for nwrocu)"
    assert [(one["key"], one["direction"]) for one in said["changes"]] == [
        ("ingest.max_quarantine_share", "weaker"),
        ("vault.authority_format", "other"),
    ]
    (row,) = loop.done("auditor", "audit", "search", "--action", "policy.load", "--last", "1", "--json").data
    assert row["details"]["changed"]["ingest.max_quarantine_share"] == "0.02 -> 0.05"
    again = loop.done("governance", "policy", "load", policy, "--rocu", "nwrocu").out
    assert "none (against policy.yaml" in again
    # square brackets are no markup: this one is shown, and ends nothing
    policy.write_text("version: c\nvault: {authority_format: '[A-Z]{2}[/-]\\d+'}\n")
    assert r" [A-Z]{2}[/-]\d+ " in loop.done("governance", "policy", "load", policy, "--rocu", "nwrocu").out


def test_nobody_signed_in(delivered: Loop) -> None:
    check_told(delivered(None, "status"), 1, "FINDPROFILE_TOKEN")


def test_status_of_one_rocu_and_of_none_that_the_token_does_not_name(delivered: Loop) -> None:
    rows = delivered.done("operator", "status", "--rocu", "YHROCU", "--json").data
    assert (
        {row["rocu"] for row in rows}
        == {"yhrocu"}
        < {row["rocu"] for row in delivered.done("operator", "status", "--json").data}
    )
    check_told(delivered("operator", "status", "--rocu", "emsou"), 1, "emsou")
    for asked in (("operator", "status"), ("engineer", "models", "list")):
        check_told(delivered(*asked, "--rocu", "nosuch"), 2, "nosuch")


def test_token_expired_forged_or_for_another_rocu(delivered: Loop, tmp_path: Path) -> None:
    arguments = ("ingest", "--rocu", "nwrocu", "x.csv")
    name, role = PEOPLE["operator"]
    settings = Settings(home=delivered.home)
    old = issue_token(settings, name, (role,), ("nwrocu",), timedelta(hours=1), datetime.now(UTC) - timedelta(hours=2))
    check_told(run(delivered.home, *arguments, token=old), 1, "expired")
    forged = token(tmp_path / "elsewhere", "operator")
    check_told(run(delivered.home, *arguments, token=forged), 1)
    check_told(run(delivered.home, *arguments, token="not.a.token"), 1)
    check_told(run(delivered.home, *arguments, token=token(delivered.home, "operator", "yhrocu")), 1, "nwrocu")
    check_told(delivered("analyst", *arguments), 1, "operator")


def test_who_may_not_ingest_is_told_nothing_about_the_files(delivered: Loop) -> None:
    files = sorted((delivered.world / "nwrocu" / "reads").iterdir())
    said = delivered("analyst", "ingest", "--rocu", "nwrocu", *files, "--json")
    check_told(said, 1, "may not do ingest")
    assert said.out == ""


def test_refusals_are_in_the_log(delivered: Loop) -> None:
    delivered("analyst", "ingest", "--rocu", "nwrocu", "x.csv")
    rows = delivered.done("auditor", "audit", "search", "--outcome", "refused", "--action", "ingest", "--json").data
    assert rows[-1]["actor_name"] == PEOPLE["analyst"][0]
    assert "may not do ingest" in rows[-1]["details"]["reason"]


def test_a_refusal_is_in_the_log_though_the_name_of_the_file_is_a_plate(delivered: Loop, tmp_path: Path) -> None:
    file = tmp_path / "AB12 CDE.csv"
    file.write_text("camera_id,latitude,longitude,valid_from\nc1,999,1,2020-01-01\n")
    check_told(delivered("operator", "cameras", "load", "--rocu", "nwrocu", file), 1, "row 1")
    search = ("audit", "search", "--outcome", "refused", "--action", "cameras.load", "--json")
    reason = delivered.done("auditor", *search).data[-1]["details"]["reason"]
    assert "row 1" in reason
    assert "CDE" not in reason


def test_a_home_that_cannot_be_made_is_a_fault(tmp_path: Path) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("not a folder")
    issue = ("token", "issue", "--name", "Omar", "--role", "operator", "--rocu", "nwrocu")
    check_told(run(nowhere / "home", *issue), 3, "Not a directory")


def test_an_error_that_nobody_foresaw_is_no_success() -> None:
    command = "import flows.cli.frame as frame; frame.main = lambda: 1 / 0; frame.program()"
    done = subprocess.run([sys.executable, "-c", command], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 3
    assert "ZeroDivisionError" in done.stderr


def test_registry_unreachable(in_force: Loop) -> None:
    nowhere = {"FINDPROFILE_MLFLOW_TRACKING_URI": "http://127.0.0.1:9", "FINDPROFILE_MLFLOW_TIMEOUT_SECONDS": "2"}
    check_told(in_force("operator", "score", "--rocu", "nwrocu", "--as-of", AS_OF, **nowhere), 3)
    check_told(in_force("engineer", "promote", "request", MODEL, "1", **nowhere), 3)
    search = ("audit", "search", "--action", "promote.request", "--outcome", "failed", "--json")
    assert "MLflow" in in_force.done("auditor", *search).data[-1]["details"]["reason"]


def test_what_is_no_file(delivered: Loop, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("nowhere")
    for path, word in ((tmp_path, "a folder"), (tmp_path / "pipe", "a pipe"), (tmp_path / "link", "a link to nothing")):
        for command in (("ingest",), ("cameras", "load"), ("dispositions", "load")):
            check_told(delivered("operator", *command, "--rocu", "nwrocu", path), 2, word)


def test_rows_of_findings_that_break_a_rule_are_told_by_number_with_what_is_allowed(
    delivered: Loop, tmp_path: Path
) -> None:
    header = "vrm,window_end,finding,decided_at,selected_by\n"
    right = [f"AB12ED{letter},2026-04-26,eliminated,2026-04-27T10:00:00Z,ranked" for letter in "ABCDEFGHJK"]
    wrong = ["AB12EDX,2026-04-26,guilty,2026-04-27T10:00:00Z,ranked", "AB12EDY,26/04/2026,confirmed,,ranked"]
    some, all_of_it = tmp_path / "some.csv", tmp_path / "all.csv"
    some.write_text(header + "\n".join([*right[:4], wrong[0], *right[4:]]) + "\n")
    all_of_it.write_text(header + "\n".join(wrong) + "\n")
    load = ("operator", "dispositions", "load", "--rocu", "yhrocu")
    taken = delivered(*load, some)
    assert taken.code == 0, taken.err
    told = " ".join(taken.err.split())
    assert "some.csv: row 5: finding_unknown. finding_unknown: The finding must be confirmed, eliminated or" in told
    refused = delivered(*load, all_of_it)
    check_told(refused, 1, "row 1: finding_unknown", "row 2: decided_at_missing; row 2: window_end_unreadable")


def test_a_batch_that_was_accepted_is_not_replaced_by_itself(delivered: Loop) -> None:
    reads = next((delivered.world / "nwrocu" / "reads").iterdir())
    known = delivered("operator", "ingest", "--rocu", "nwrocu", reads, "--json").data["already_known"]
    said = delivered("operator", "ingest", "--rocu", "nwrocu", "--replaces", known[0], reads)
    check_told(said, 1, f"The file is batch {known[0]} itself, and it was accepted", "Nothing is to be done")
    assert not said.out, "nothing was judged, so there is nothing to show"


def test_while_another_ingest_is_at_work(delivered: Loop) -> None:
    reads = next((delivered.world / "nwrocu" / "reads").iterdir())
    with exclusive(delivered.home / "locks" / "nwrocu.lock", "a test"):
        said = delivered("operator", "ingest", "--rocu", "nwrocu", reads, FINDPROFILE_LOCK_WAIT_S="0.3")
    check_told(
        said, 3, f"Another process ({os.getpid()} since", "after waiting 0.3 seconds", "run the same command again"
    )
    assert "waiting for another process" in said.err


def test_a_file_with_one_row_changed_is_known_as_what_it_is(delivered: Loop, tmp_path: Path) -> None:
    packed = next((delivered.world / "yhrocu" / "reads").iterdir())
    content = gzip.decompress(packed.read_bytes()) if packed.suffix == ".gz" else packed.read_bytes()
    file = tmp_path / "edited.csv"
    file.write_bytes(content[: content.rstrip(b"\n").rindex(b"\n") + 1])
    said = delivered("operator", "ingest", "--rocu", "yhrocu", file)
    assert said.code == 0, said.err
    assert "repeats" in said.out
    assert f" of batch {file_sha256(packed)[:16]} (" in said.out


def test_what_was_set_aside_is_listed_and_brought_back(delivered: Loop, tmp_path: Path) -> None:
    file = tmp_path / "AB12CDE.pdf"
    file.write_bytes(b"%PDF-1.7")
    settings = Settings(home=delivered.home)
    why = WrongInputError("It is a PDF.", "Ask for its data.")
    made = set_aside(settings, Lake(settings.lake), "nwrocu", file, "canonical", why, datetime.now(UTC))
    listed = delivered.done("auditor", "inbox", "list", "--rocu", "nwrocu", "--json").data["set_aside"]
    assert [(one["file_id"], one["reason"]) for one in listed] == [(made.file_id, "It is a PDF.")]
    assert "It is a PDF." in delivered.done("operator", "inbox", "list", "--rocu", "nwrocu").out
    check_told(delivered("analyst", "inbox", "list", "--rocu", "nwrocu"), 1, "may not do inbox.read")
    back = ("inbox", "bring-back", made.file_id, "--rocu", "nwrocu")
    check_told(delivered("auditor", *back), 1, "may not do inbox.bring_back")
    waits_as = delivered.done("operator", *back, "--json").data["waits_as"]
    assert (settings.root / "inbox" / "nwrocu" / waits_as).read_bytes() == b"%PDF-1.7"
    check_told(delivered("operator", *back), 2, made.file_id)


def test_unknown_setting_is_named(delivered: Loop) -> None:
    check_told(delivered("operator", "status", FINDPROFILE_HOEM="x"), 2, "FINDPROFILE_HOEM")


_ON_A_DISK_THAT_FILLS = """
import os, shutil, sys
from pathlib import Path
from data_contracts.judgement.gx import _library
from flows.cli import main
from killed_runs import PAGE, _mount, _own_mounts, ended, forked

SPARE_PAGES = 20

def typed(home):
    try:
        main()
    except SystemExit as left:
        os._exit(int(left.code or 0))

def fill(disk):
    _own_mounts()
    used = sum(-(-path.stat().st_size // PAGE) for path in home.rglob("*") if path.is_file())
    _mount(disk, f"size={(used + SPARE_PAGES) * PAGE}")
    shutil.copytree(home, disk / "home")
    print("full:", ended(forked(typed, home)), flush=True)
    _mount(disk, "remount,size=200m")
    print("room:", ended(forked(typed, home)), flush=True)

disk, home = Path(sys.argv[1]), Path(sys.argv[2])
sys.argv = ["findprofile", *sys.argv[3:]]
os.environ["FINDPROFILE_HOME"] = str(disk / "home")
_library()
ended(forked(fill, disk))
"""


def test_no_space_left_then_space_again(small_world: Path, tmp_path: Path) -> None:
    """On a file system of its own that is too small; the same command works once there is room."""
    disk, loop = tmp_path / "disk", Loop(tmp_path / "home", small_world)
    disk.mkdir()
    loop.done("operator", "cameras", "load", "--rocu", "nwrocu", small_world / "nwrocu" / "cameras.csv")
    files = sorted((small_world / "nwrocu" / "reads").iterdir())[:2]
    done = subprocess.run(
        [sys.executable, "-c", _ON_A_DISK_THAT_FILLS, disk, loop.home, "ingest", "--rocu", "nwrocu", *files],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "FINDPROFILE_PSEUDONYM_KEY": PSEUDONYM_KEY,
            "FINDPROFILE_TOKEN": token(loop.home, "operator"),
            "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'support'}",
        },
        check=False,
    )
    assert "full: 3" in done.stdout, done.stdout + done.stderr
    assert "what to do" in done.stderr
    assert "Traceback" not in done.stderr
    assert "room: 0" in done.stdout, done.stdout + done.stderr
