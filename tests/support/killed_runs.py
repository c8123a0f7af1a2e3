"""A program that runs jobs in processes of its own and kills them: at each placement of a file, and at any moment.

Everything is imported once; each run is a fork, and no database is open when it is made. What it prints is one line of
JSON for each run.
"""

from __future__ import annotations

import ctypes
import gc
import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import Any

from data_contracts.contract.document import CONTRACT_NAMES, load_contract
from data_contracts.dispositions import load_dispositions
from data_contracts.ingest import ingest_files
from data_contracts.judgement.gx import _library
from data_contracts.judgement.limits import IngestLimits
from data_contracts.registers.cameras import load_cameras
from data_contracts.requalify import Judge, judge_again, records_of_days
from data_contracts.sources.model import load_source
from infra.errors import FindProfileError
from infra.lake import Lake
from infra.settings import Settings

NOW = datetime.fromisoformat("2026-05-20T12:00:00+00:00")
LIMITS = IngestLimits(max_quarantine_share=0.5)
TURNS = 60
MOMENTS = 6
CLONE_NEWNS, CLONE_NEWUSER, MS_REMOUNT = 0x00020000, 0x10000000, 32
PAGE = 4096
Job = Callable[[Path], object]


def job(kind: str, files: list[str], rocu: str = "nwrocu", lock_wait_s: float = 0) -> Job:
    """One of the jobs that bring data in or judge it again, on a home."""
    paths, source = [Path(file) for file in files], load_source("canonical")

    def run(home: Path) -> object:
        settings = Settings(home=home, memory_limit="1GB", threads=1, lock_wait_s=lock_wait_s)
        lake = Lake(settings.lake)
        if kind == "cameras":
            return load_cameras(settings, lake, rocu, paths[0], NOW)
        if kind == "dispositions":
            return load_dispositions(settings, lake, rocu, paths, source, LIMITS, NOW)
        if kind == "requalify":
            judge = Judge(settings, lake, rocu, LIMITS, NOW)
            due = records_of_days(judge, date(2026, 5, 1), date(2026, 5, 31))
            return list(judge_again(judge, due, "late", lambda _: None, lambda _: None))
        return ingest_files(settings, lake, rocu, paths, source, LIMITS, NOW)

    return run


def forked(run: Job, home: Path, before: Callable[[], object] = lambda: None) -> int:
    """Start a job in a process of its own: it leaves with the error's exit code, 0 when done."""
    child = os.fork()
    if child == 0:
        code = 70
        try:
            before()
            run(home)
            code = 0
        except FindProfileError as error:
            sys.stderr.write(f"{error}\n")
            code = error.exit_code
        except BaseException:  # noqa: BLE001  whatever it is, the parent is told and this process ends
            traceback.print_exc()
        sys.stderr.flush()
        os._exit(code)
    return child


def ended(child: int) -> int:
    """The exit code, or minus the signal."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_at_new_placements(home: Path, told: Path, records_alone: bool = False) -> Callable[[], None]:
    """Kill this process before it puts a file in place at which none was killed so, and after the last of them.

    After any other is as before the next.

    Args:
        home: Where it works.
        told: Where the points are noted at which it was killed.
        records_alone: After a first record only placements of records count: the parts of a second judgement are
            placed as those of the first.
    """

    def arm() -> None:
        placed: list[str] = []
        flush = os.fsync

        def die_once(point: str) -> None:
            before = told.read_text()
            counts = not records_alone or "/ingests/" in point or "/ingests/" not in before
            if counts and point not in before.splitlines():
                with told.open("a") as stream:
                    stream.write(f"{point}\n")
                os.kill(os.getpid(), signal.SIGKILL)

        def watch(event: str, renamed: tuple[Any, ...]) -> None:
            if event == "os.rename" and str(renamed[1]).startswith(str(home)):
                target = str(renamed[1])
                placed.append(target)
                die_once(f"before {target}")

        def flush_then(descriptor: int) -> None:
            # the folder is flushed right after a file was put into it
            if placed and placed.pop().endswith(".json"):
                die_once("after a record in /ingests/")
            flush(descriptor)

        os.fsync = flush_then
        sys.addaudithook(watch)

    return arm


def kill_at_placements(run: Job, home: Path, work: Path, records_alone: bool) -> None:
    """Run again and again on one home until a run is not killed any more; keep a copy of what each kill left."""
    told = work / "told"
    told.touch()
    for turn in range(TURNS):
        code = ended(forked(run, home, kill_at_new_placements(home, told, records_alone)))
        left = work / f"left-{turn}"
        shutil.copytree(home, left, symlinks=True)
        say(left=str(left), code=code)
        if code != -signal.SIGKILL:
            break


def kill_at_moments(run: Job, home: Path, work: Path, moments: int) -> None:
    """End runs on fresh homes after parts of the processor time that one takes, and run each again to its end."""
    shutil.copytree(home, work / "whole")
    spent = _spent()
    ended(forked(run, work / "whole"))
    takes = _spent() - spent
    for number in range(moments):
        again = work / f"moment-{number}"
        shutil.copytree(home, again)
        # the kernel ends the process then, as SIGKILL would; a clock on the wall does not tell how far it came
        alarm = partial(signal.setitimer, signal.ITIMER_PROF, takes * (number + 1) / (moments + 1))
        first = ended(forked(run, again, alarm))
        say(left=str(again), first=first, code=ended(forked(run, again)))


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def two_at_once(home: Path, files: list[str]) -> None:
    """One ingest is stopped while it holds its ROCU's lock: another of the ROCU, one of another ROCU; two that wait."""
    lock = home / "locks" / "nwrocu.lock"
    first = forked(job("ingest", files[:1]), home)
    while not lock.read_text().startswith(str(first)):
        time.sleep(0.001)
    os.kill(first, signal.SIGSTOP)
    second, apart = (ended(forked(job("ingest", files[1:2], rocu), home)) for rocu in ("nwrocu", "emsou"))
    os.kill(first, signal.SIGCONT)
    say(case="told", codes=[ended(first), second], pid=first)
    both = [forked(job("ingest", [file], lock_wait_s=60), home) for file in files[1:3]]
    say(case="waited", codes=[ended(child) for child in both])
    say(case="apart", codes=[apart])


def on_a_disk_that_fills(run: Job, home: Path, work: Path) -> None:
    """Run a job on a file system of its own that is too small, then a page or two larger, until it gets through.

    Each run finds what the one before had to leave. At the end the home is copied back from that file system.
    """
    child = os.fork()
    if child:
        os.waitpid(child, 0)
        return
    disk = work / "disk"
    disk.mkdir()
    _own_mounts()
    _mount(disk, "size=64m")
    there = disk / "home"
    shutil.copytree(home, there)
    used = sum(-(-path.stat().st_size // PAGE) for path in there.rglob("*") if path.is_file())
    code, pages = 3, used
    while code == 3 and pages < used + 400:
        _mount(disk, f"remount,size={pages * PAGE}")
        code = ended(forked(run, there))
        kept = sorted(path.relative_to(there).parts[1] for path in there.rglob("*") if _was_placed(path, home, there))
        say(pages=pages - used, code=code, kept=kept)
        pages += 2
    shutil.copytree(there, work / "home")
    sys.stdout.flush()
    os._exit(0)


def _was_placed(path: Path, home: Path, there: Path) -> bool:
    return path.is_file() and not (home / path.relative_to(there)).exists() and "lake" in path.parts


def _own_mounts() -> None:
    user, group = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS | CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _mount(disk: Path, options: str) -> None:
    flags = MS_REMOUNT if options.startswith("remount,") else 0
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.mount(b"tmpfs", bytes(disk), b"tmpfs", flags, options.removeprefix("remount,").encode()):
        raise OSError(ctypes.get_errno(), "mount")


def say(**said: object) -> None:
    """Print one line."""
    sys.stdout.write(json.dumps(said) + "\n")
    sys.stdout.flush()


def main() -> None:
    """Carry out a plan: JSON in the one argument, a list of [mode, home, work, kind, files]."""
    _library()
    for name in CONTRACT_NAMES:
        load_contract(name)
    # a search for garbage in a fork would copy every page that it looks at
    gc.freeze()
    for mode, home, work, kind, files in json.loads(sys.argv[1]):
        Path(work).mkdir()
        sys.stdout.write(f"{mode} {kind}\n")
        sys.stdout.flush()
        if mode == "placements":
            kill_at_placements(job(kind, files), Path(home), Path(work), kind == "requalify")
        elif mode == "moments":
            kill_at_moments(job(kind, files), Path(home), Path(work), MOMENTS)
        elif mode == "full":
            on_a_disk_that_fills(job(kind, files), Path(home), Path(work))
        else:
            two_at_once(Path(home), files)


if __name__ == "__main__":
    main()
