"""Robustness: the faults that ANPR is known for, put into the reads of a hold-out window, and what the list becomes.

Misread plates, cloned plates, an outage of sites, clocks that are an hour off. Which reads are hit is drawn by a digest
of their own names and a seed, so it is the same on every machine. Does not belong here: how much of it is too much.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import numpy as np
import pyarrow as pa

from infra.engine import literal
from models.assurance.altered_reads import READS, WindowReads
from models.assurance.ranking import WindowRows
from models.assurance.results import FaultTrial, Robustness

MISREAD_PER_1000 = 30
CLONED_PER_1000 = 10
SILENT_PER_1000 = 200
SILENT_DAYS = 7
WRONG_CLOCKS_PER_1000 = 50
_HEX, _TOKEN = "0123456789abcdef", "bcdfghjklmnpqrst"


@dataclass(frozen=True)
class Fault:
    """One kind of fault.

    Args:
        changed: From a seed and the window's reads to the query of the changed reads.
        hit: The same, to the query that counts the reads that are changed, added or gone.
    """

    name: str
    what: str
    changed: Callable[[int, WindowReads], str]
    hit: Callable[[int, WindowReads], str]


def _drawn(what: str, seed: int, name: str, per_1000: int) -> str:
    """A condition that holds for about so many in a thousand of the values of an expression."""
    return f"md5_number_lower({literal(f'{seed}|{name}|')} || {what}) % 1000 < {per_1000}"


_READ = "batch_id || ':' || row_no"


def _misreads(seed: int, reads: WindowReads) -> str:
    hit, other = _drawn(_READ, seed, "misread", MISREAD_PER_1000), _drawn(_READ, seed, "another", 250)
    nobody = f"translate(md5({literal(f'{seed}|')} || {_READ}), '{_HEX}', '{_TOKEN}')"
    return f"""WITH vehicles AS (
            SELECT vehicle AS another, row_number() OVER (ORDER BY vehicle) - 1 AS number
            FROM (SELECT DISTINCT vehicle FROM {READS})),
        drawn AS (SELECT *, (md5_number_lower({_READ}) % (SELECT greatest(count(*), 1) FROM vehicles))::BIGINT AS number
            FROM {READS})
        SELECT drawn.* EXCLUDE (number)
            REPLACE (CASE WHEN NOT {hit} THEN vehicle WHEN {other} THEN another ELSE {nobody} END AS vehicle)
        FROM drawn JOIN vehicles USING (number)"""


def _clones(seed: int, reads: WindowReads) -> str:
    return f"""SELECT * FROM {READS} UNION ALL SELECT {READS}.* REPLACE (cloned AS vehicle)
        FROM {READS} JOIN ({_clone_pairs(seed)}) USING (vehicle)"""


def _clone_pairs(seed: int) -> str:
    """Cloned vehicles, each with another (`vehicle`) that drives under its plate: the next in the order of tokens."""
    return f"""SELECT * FROM (
            SELECT vehicle AS cloned, coalesce(lead(vehicle) OVER (ORDER BY vehicle), min(vehicle) OVER ()) AS vehicle
            FROM (SELECT DISTINCT vehicle FROM {READS}))
        WHERE cloned <> vehicle AND {_first("cloned", seed, "clone", CLONED_PER_1000, "vehicle")}"""


def _silent(seed: int, reads: WindowReads) -> str:
    since = reads.end - timedelta(days=SILENT_DAYS)
    return f"captured_at >= TIMESTAMP '{since}' AND {_first('site_id', seed, 'silent', SILENT_PER_1000)}"


def _fast_clock(seed: int) -> str:
    return _first("site_id", seed, "clock", WRONG_CLOCKS_PER_1000)


def _first(what: str, seed: int, name: str, per_1000: int, column: str = "site_id") -> str:
    """A condition that holds for so many in a thousand of a column's values, and for one of them at least."""
    return f"""{what} IN (SELECT {column} FROM (
        SELECT {column}, row_number() OVER (ORDER BY md5({literal(f"{seed}|{name}|")} || {column}), {column}) AS place,
            count(*) OVER () AS values
        FROM (SELECT DISTINCT {column} FROM {READS})) WHERE place <= greatest(1, values * {per_1000} // 1000))"""


FAULTS: tuple[Fault, ...] = (
    Fault(
        "misreads",
        f"{MISREAD_PER_1000 / 10:g} % of reads misread: one in four as another vehicle, the others as none there is",
        _misreads,
        lambda seed, reads: f"SELECT count(*) FROM {READS} WHERE {_drawn(_READ, seed, 'misread', MISREAD_PER_1000)}",
    ),
    Fault(
        "clones",
        f"{CLONED_PER_1000 / 10:g} % of vehicles cloned: all that another one did is read under their plate as well",
        _clones,
        lambda seed, reads: f"SELECT count(*) FROM {READS} JOIN ({_clone_pairs(seed)}) USING (vehicle)",
    ),
    Fault(
        "outage",
        f"{SILENT_PER_1000 / 10:g} % of sites silent for the last {SILENT_DAYS} days",
        lambda seed, reads: f"SELECT * FROM {READS} WHERE NOT ({_silent(seed, reads)})",
        lambda seed, reads: f"SELECT count(*) FROM {READS} WHERE {_silent(seed, reads)}",
    ),
    Fault(
        "clock",
        f"the clocks of {WRONG_CLOCKS_PER_1000 / 10:g} % of sites an hour fast",
        lambda seed, reads: (
            f"""SELECT * REPLACE (CASE WHEN {_fast_clock(seed)} THEN captured_at + INTERVAL 1 HOUR
            ELSE captured_at END AS captured_at) FROM {READS}"""
        ),
        lambda seed, reads: f"SELECT count(*) FROM {READS} WHERE {_fast_clock(seed)}",
    ),
)
"""The faults in the order in which they are tried."""

Score = Callable[[pa.Table], pa.Table]


def try_faults(reads: WindowReads, rows: WindowRows, score: Score, seed: int) -> Robustness:
    """Inject each fault by itself, build the window again, score it, and compare the lists.

    Args:
        reads: Of the hold-out window.
        rows: Its rows in the snapshot, with the scores of the model.
        score: From windows to `vehicle` and `score`: the way that scoring goes.
        seed: Decides which reads, vehicles and sites are hit.
    """
    before = rows.precision(rows.scores)
    return Robustness(
        window_end=reads.window_end,
        k=rows.k,
        rows=len(rows.keys),
        confirmed=int(np.count_nonzero(rows.labels)),
        reads=reads.reads,
        average_precision=before,
        trials=tuple(_try(fault, reads, rows, score, seed, before) for fault in FAULTS),
    )


def _try(
    fault: Fault, reads: WindowReads, rows: WindowRows, score: Score, seed: int, before: float | None
) -> FaultTrial:
    scores = rows.other_scores(score(reads.windows(fault.changed(seed, reads))))
    after = rows.precision(scores)
    return FaultTrial(
        name=fault.name,
        what=fault.what,
        reads_changed=reads.number(fault.hit(seed, reads)),
        top_k_overlap=rows.overlap(scores),
        average_precision=after,
        average_precision_loss=None if before is None or after is None else before - after,
    )
