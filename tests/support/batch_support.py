"""A small home with batches of two ROCUs for tests of the pages about batches: good, faulty, failed, judged again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import yaml
from loop_support import Loop, Said

HEADER = "vrm,captured_at,camera_id,confidence,motion_toward_camera,feed_id,source_id,received_at"
REGISTERS = {
    "nwrocu": "CAM-1,53.40,-2.98,2025-01-01,,Merseyside,SITE-A\nCAM-2,53.80,-3.05,2025-01-01,,Lancashire,SITE-B\n",
    "yhrocu": "CAM-1,53.80,-1.55,2025-01-01,,West Yorkshire,SITE-C\n",
}
FIRST = date(2026, 5, 4)
LATE = "CAM-LATE,53.50,-2.90,2025-01-01,,Merseyside,SITE-D\n"
EVIL = "<b>day&three.csv"


@dataclass(frozen=True)
class Batches:
    """The home, and the files that were delivered to it."""

    loop: Loop
    files: Path

    def listed(self, rocu: str, *more: str) -> list[dict[str, object]]:
        rows: list[dict[str, object]] = self.loop.done(
            "auditor", "batches", "list", "--rocu", rocu, *more, "--json"
        ).data
        return rows

    def named(self, name: str, rocu: str = "nwrocu") -> str:
        """Id of the batch that was delivered under a name."""
        (found,) = {str(row["batch_id"]) for row in self.listed(rocu, "--all") if row["delivered_as"] == name}
        return found

    def vrms(self) -> set[str]:
        return {
            line.partition(",")[0] for file in self.files.glob("*.csv") for line in file.read_text().splitlines()[1:]
        }


def make_batches(folder: Path) -> Batches:
    """nwrocu: two good days, a faulty one under a name that is markup, one that failed and was judged again with a
    longer register, one that failed for good. yhrocu: one day."""
    made = Batches(Loop(folder / "home", folder), folder)
    policy = folder / "policy.yaml"
    policy.write_text(
        yaml.safe_dump({"version": "t", "ingest": {"retention_from": "newest_read", "max_quarantine_share": 0.5}})
    )
    for rocu, cameras in REGISTERS.items():
        made.loop.done("governance", "policy", "load", policy, "--rocu", rocu)
        _register(made, rocu, cameras)
    faulty = [
        *_day(2, 20),
        *(a_read(2, 30 + n, camera="CAM-1", confidence="140") for n in range(3)),
        a_read(2, 40, camera="CAM-2", confidence="140"),
        *(a_read(2, 50 + n, camera="CAM-9") for n in range(2)),
    ]
    first = {
        "day0.csv": _day(0, 20),
        "day1.csv": _day(1, 20),
        EVIL: faulty,
        "late.csv": [a_read(3, n, camera="CAM-LATE") for n in range(8)] + _day(3, 4),
        "failed.csv": [a_read(4, n, camera="CAM-9") for n in range(5)],
    }
    assert deliver(made, "nwrocu", first).code == 1
    _register(made, "nwrocu", LATE)
    again = made.loop(
        "operator", "ingest", "--rocu", "nwrocu", "--replaces", made.named("late.csv"), folder / "late.csv"
    )
    assert again.code == 0, again.err
    york = {"york.csv": [*_day(0, 9, both=False), a_read(0, 30, confidence="140")]}
    assert deliver(made, "yhrocu", york).code == 0
    return made


def _register(made: Batches, rocu: str, rows: str) -> None:
    file = made.files / f"register-{rocu}.txt"
    file.write_text(f"camera_id,latitude,longitude,valid_from,valid_to,force,site_id\n{rows}")
    made.loop.done("operator", "cameras", "load", file, "--rocu", rocu)


def deliver(made: Batches, rocu: str, files: dict[str, list[str]]) -> Said:
    """Files of these names with these rows, in one call."""
    for name, rows in files.items():
        (made.files / name).write_text("\n".join([HEADER, *rows]) + "\n")
    return made.loop("operator", "ingest", "--rocu", rocu, *(made.files / name for name in files))


def _day(number: int, rows: int, both: bool = True) -> list[str]:
    return [a_read(number, n, camera="CAM-2" if both and n % 2 else "CAM-1") for n in range(rows)]


def a_read(day: int, n: int, camera: str = "CAM-1", confidence: str = "95") -> str:
    at = f"{FIRST + timedelta(days=day)}T{8 + n // 60:02}:{n % 60:02}"
    vrm = f"A{'ABCDEFGHJK'[day]}12{'ABCDEFGHJK'[n // 10]}{'ABCDEFGHJK'[n % 10]}X"
    return f"{vrm},{at}:00Z,{camera},{confidence},true,feed-{camera[-1].lower()},7,{at}:10Z"
