"""The ways of taking a day's delivery that `benchmarks.ingest` compares, each run as a process of its own.

    python -m benchmarks.ingest_ways WAY CAMERAS FOLDER FILE...

prints one line of JSON: seconds of the work (imports not counted) and peak memory. `ours` is the product's ingest,
landing to record. `by_hand` is what an engineer would type in DuckDB: read with types, tokenise, sort by vehicle and
time, write; no rule, no register, no quarantine, no landing. `gx_pandas` is Great Expectations on pandas with those
rules of the contract that it can express (about a read, or a read beside the one before it; none about a feed's or a
camera's past); it tells no row's reasons, tokenises nothing and writes nothing.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

THREADS = 2
NOW = datetime(2026, 5, 20, tzinfo=UTC)
_TYPES = {
    "vrm": "VARCHAR",
    "captured_at": "TIMESTAMPTZ",
    "camera_id": "VARCHAR",
    "confidence": "DOUBLE",
    "motion_toward_camera": "BOOLEAN",
    "feed_id": "VARCHAR",
    "source_id": "VARCHAR",
    "received_at": "TIMESTAMPTZ",
}
_BY_HAND = """
    COPY (
        SELECT sha256('a key of some thirty-two bytes' || upper(replace(vrm, ' ', ''))) AS vehicle,
            captured_at, received_at, camera_id, confidence, motion_toward_camera, feed_id, source_id
        FROM read_csv([{files}], header = true, columns = {{{types}}}, ignore_errors = true)
        WHERE vrm IS NOT NULL ORDER BY vehicle, captured_at
    ) TO '{target}' (FORMAT parquet, COMPRESSION zstd)
"""


def ours(cameras: Path, folder: Path, files: Sequence[Path]) -> float:
    """The product's ingest; the register is loaded and Great Expectations imported before the clock starts."""
    from data_contracts.ingest import ingest_files
    from data_contracts.judgement.limits import IngestLimits
    from data_contracts.registers.cameras import load_cameras
    from data_contracts.sources.model import BUILT_IN
    from infra.lake import Lake
    from infra.settings import Settings

    settings = Settings(home=folder / "home", threads=THREADS)
    lake = Lake(settings.lake)
    load_cameras(settings, lake, "nwrocu", cameras, NOW)
    begun = time.perf_counter()
    report = ingest_files(settings, lake, "nwrocu", files, BUILT_IN["canonical"], IngestLimits(), NOW)
    taken = time.perf_counter() - begun
    if any(batch.verdict == "failed" for batch in report.batches) or len(report.batches) != len(files):
        raise RuntimeError("a batch failed, or was left out: this run compares nothing")
    return taken


def by_hand(cameras: Path, folder: Path, files: Sequence[Path]) -> float:
    """Bare DuckDB."""
    import duckdb

    listed = ", ".join(f"'{file}'" for file in files)
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in _TYPES.items())
    limits = {"threads": THREADS, "memory_limit": "3GB", "temp_directory": str(folder / "spill")}
    with duckdb.connect(config=limits) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        begun = time.perf_counter()
        connection.execute(_BY_HAND.format(files=listed, types=types, target=folder / "by_hand.parquet"))
        return time.perf_counter() - begun


def gx_pandas(cameras: Path, folder: Path, files: Sequence[Path]) -> float:
    """Great Expectations on pandas: the rules of the contract that it can express, over prepared columns."""
    import great_expectations as gx
    import pandas as pd

    context = gx.get_context(mode="ephemeral")
    context.enable_analytics(False)
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    register = pd.read_csv(cameras, dtype=str).drop_duplicates("camera_id").set_index("camera_id")
    suite = gx.ExpectationSuite(name="reads", expectations=_expectations(register.index.tolist()))
    begun = time.perf_counter()
    rows = pd.concat([pd.read_csv(file, dtype=str, on_bad_lines="skip") for file in files], ignore_index=True)
    _prepare(rows, register)
    asset = context.data_sources.add_pandas(name="reads").add_dataframe_asset(name="reads")
    batch = asset.add_batch_definition_whole_dataframe("all").get_batch(batch_parameters={"dataframe": rows})
    batch.validate(suite, result_format={"result_format": "SUMMARY", "partial_unexpected_count": 0})
    return time.perf_counter() - begun


def _expectations(known: list[str]) -> list[Any]:
    """One for each rule of the contract about a read, or about a read beside the one before it."""
    import great_expectations.expectations as expect

    plate = r"^[A-HJ-PR-Y]{2}(0[2-9]|[1-9][0-9]) ?[A-HJ-PR-Z]{3}$"
    return [
        expect.ExpectColumnValuesToNotBeNull(column="vrm"),
        expect.ExpectColumnValuesToMatchRegex(column="vrm", regex=r"^[A-Za-z0-9 .\-]{1,15}$"),
        expect.ExpectColumnValuesToMatchRegex(column="vrm", regex=plate, mostly=0.5),
        expect.ExpectColumnValuesToNotBeNull(column="captured_at"),
        expect.ExpectColumnValuesToNotBeNull(column="captured"),
        expect.ExpectColumnValuesToMatchRegex(column="captured_at", regex=r"(Z|[+-]\d\d:?\d\d)$"),
        expect.ExpectColumnValuesToBeBetween(column="age_days", max_value=365),
        expect.ExpectColumnValuesToBeBetween(column="seconds_after_now", max_value=300),
        expect.ExpectColumnValuesToBeBetween(column="seconds_after_receipt", max_value=300),
        expect.ExpectColumnValuesToNotBeNull(column="camera_id"),
        expect.ExpectColumnValuesToBeInSet(column="camera_id", value_set=known),
        expect.ExpectColumnValuesToBeInSet(column="camera_in_force", value_set=[True]),
        expect.ExpectColumnValuesToBeBetween(column="confidence", min_value=0, max_value=100),
        expect.ExpectColumnValuesToNotBeNull(column="confidence"),
        expect.ExpectColumnValuesToBeInSet(column="age_identifier_issued", value_set=[True]),
        expect.ExpectColumnValuesToBeInSet(column="motion_toward_camera", value_set=["true", "false"]),
        expect.ExpectColumnValuesToNotBeNull(column="received"),
        *(
            expect.ExpectColumnValuesToNotMatchRegex(column=column, regex=plate)
            for column in ("camera_id", "feed_id", "source_id")
        ),
        expect.ExpectCompoundColumnsToBeUnique(column_list=["vrm", "camera_id", "second"], mostly=0.5),
        expect.ExpectColumnValuesToBeBetween(column="kmh", max_value=160, mostly=0.5),
    ]


def _prepare(rows: pd.DataFrame, register: pd.DataFrame) -> None:
    """The columns that the expectations need besides the delivered ones, as an engineer would make them in pandas."""
    import numpy as np
    import pandas as pd

    captured = pd.to_datetime(rows["captured_at"], errors="coerce", utc=True, format="ISO8601")
    received = pd.to_datetime(rows["received_at"], errors="coerce", utc=True, format="ISO8601")
    rows["confidence"] = pd.to_numeric(rows["confidence"], errors="coerce")
    rows["captured"], rows["received"] = captured, received
    rows["seconds_after_receipt"] = (captured - received).dt.total_seconds()
    rows["seconds_after_now"] = (captured - pd.Timestamp(NOW)).dt.total_seconds()
    rows["age_days"] = -rows["seconds_after_now"] / 86_400
    rows["second"] = captured.dt.floor("5s")
    rows["age_identifier_issued"] = _issued(rows["vrm"], captured)
    since = pd.to_datetime(register["valid_from"], utc=True)
    rows["camera_in_force"] = rows["camera_id"].map(since) <= captured
    ordered = pd.DataFrame({"vrm": rows["vrm"], "captured": captured})
    for name in ("latitude", "longitude"):
        ordered[name] = np.radians(rows["camera_id"].map(pd.to_numeric(register[name])))
    ordered = ordered.sort_values(["vrm", "captured"])
    before = ordered.groupby("vrm", sort=False).shift()
    half = np.sin((ordered["latitude"] - before["latitude"]) / 2) ** 2
    across = np.sin((ordered["longitude"] - before["longitude"]) / 2) ** 2
    half += np.cos(ordered["latitude"]) * np.cos(before["latitude"]) * across
    hours = (ordered["captured"] - before["captured"]).dt.total_seconds() / 3_600
    rows["kmh"] = 2 * 6_371 * np.arcsin(np.sqrt(half)) / hours


def _issued(vrm: pd.Series, captured: pd.Series) -> pd.Series:
    """Whether the age identifier of a plate of now had been issued when it was read; no matter of other plates."""
    import pandas as pd

    identifier = pd.to_numeric(vrm.str.extract(r"^[A-Z]{2}(\d\d) ?[A-Z]{3}$", expand=False), errors="coerce")
    autumn = identifier > 50
    begun = (2000 + identifier - 50 * autumn) * 12 + 6 * autumn + 2
    read = captured.dt.year * 12 + captured.dt.month - 1
    return identifier.isna() | captured.isna() | (begun <= read)


WAYS: dict[str, Callable[[Path, Path, Sequence[Path]], float]] = {
    "ours": ours,
    "by_hand": by_hand,
    "gx_pandas": gx_pandas,
}


def _peak_gb() -> float:
    """Most memory that this program held. `getrusage` would not do: its figure begins with that of the caller."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1e6


def main() -> None:
    """Run one way and print what it took."""
    way, cameras, folder, *files = sys.argv[1:]
    seconds = WAYS[way](Path(cameras), Path(folder), [Path(file) for file in files])
    peak = _peak_gb()
    sys.stdout.write(json.dumps({"seconds": seconds, "peak_gb": peak}) + "\n")


if __name__ == "__main__":
    main()
