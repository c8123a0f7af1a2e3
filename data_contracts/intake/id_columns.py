"""Ids that could be number plates: which are refused, and the codes that are written in the place of others.

A file whose columns were taken for one another has plates where ids should be. Belongs here: which text of an id column
is taken at its word. Does not: the plate grammar, or what the rules make of it.
"""

from __future__ import annotations

import duckdb

from data_contracts.judgement.limits import IngestLimits
from data_contracts.judgement.vehicles import OPAQUE
from data_contracts.plates.grammar import MAX_LENGTH, reads_as_plate
from infra.pseudonyms import Pseudonymiser

UNREGISTERED, WITHHELD = "unregistered:", "withheld:"
CODE_LENGTH = 12
# an id that this many reads of so many VRMs carry, in a column of few ids, is no plate
LEAST_READS, LEAST_VRMS, FEW_IDS, READS_PER_ID = 20, 10, 50, 100
FIRST_READS = 100_000
# planning the grammar's macro takes longer than reading so many ids one by one
ONE_BY_ONE = 1_000
# a plate of any country has letters and digits, but for the few that were chosen for their letters
_COULD_BE_PLATE = rf"[A-Z0-9]{{4,{MAX_LENGTH}}}"


def camera_code(pseudonymiser: Pseudonymiser, camera_id: str) -> str:
    """What is written instead of the id of a camera that the register does not have: the same for the same id."""
    return UNREGISTERED + pseudonymiser.token(UNREGISTERED + camera_id)[:CODE_LENGTH]


def make_id_tables(
    connection: duckdb.DuckDBPyConnection, scheme: str, limits: IngestLimits, pseudonymiser: Pseudonymiser
) -> None:
    """Make the tables that say which ids are not taken at their word; needs `delivered`, `register`, plate macros.

    `delivered_ids`: camera_id, feed_id, source_id, reads. `camera_codes`: camera_id, code, of cameras that the register
    does not have. `plate_like_ids`: id, of those that read as UK plates. `withheld_ids`: id, code: feed and source ids
    that are written as codes, because they read as plates, or because VRMs are opaque, so that any text may be one.
    `doubtful_ids`: id, code: likewise, for batches that fail, where a plate of any country may stand in the wrong
    column.

    Args:
        connection: Where the tables are.
        scheme: The plate scheme of the source.
        limits: Give the known feeds.
        pseudonymiser: Makes the codes; installed on the connection.
    """
    connection.execute(
        """CREATE TABLE delivered_ids AS
            SELECT camera_id, feed_id, source_id, count(*)::BIGINT AS reads FROM delivered GROUP BY ALL"""
    )
    connection.execute(
        f"""CREATE TABLE camera_codes AS
            SELECT camera_id, {_code(pseudonymiser, UNREGISTERED, "camera_id")} AS code
            FROM (SELECT DISTINCT camera_id FROM delivered_ids WHERE camera_id IS NOT NULL)
            WHERE camera_id NOT IN (SELECT camera_id FROM register)"""
    )
    connection.execute(
        "CREATE TABLE known_ids AS SELECT unnest(?::VARCHAR[]) AS id UNION SELECT camera_id FROM register",
        [list(limits.known_feeds)],
    )
    connection.execute("CREATE TABLE unproven_ids (id VARCHAR, place VARCHAR)")
    for column in ("camera_id", "feed_id", "source_id"):
        _find_unproven(connection, column)
    _find_plate_like(connection)
    opaque = "true" if scheme == OPAQUE else "false"
    bare = "regexp_replace(upper(id), '[^A-Z0-9]', '', 'g')"
    could_be = f"""{opaque} OR regexp_full_match({bare}, '{_COULD_BE_PLATE}') AND regexp_matches({bare}, '[A-Z]')
        AND regexp_matches({bare}, '[0-9]')"""
    code = _code(pseudonymiser, WITHHELD, "id")
    connection.execute(
        f"""CREATE TABLE withheld_ids AS SELECT id, {code} AS code FROM (SELECT DISTINCT id FROM unproven_ids
                WHERE place <> 'camera_id' AND ({opaque} OR id IN (FROM plate_like_ids)));
            CREATE TABLE doubtful_ids AS SELECT id, {code} AS code FROM (SELECT DISTINCT id FROM unproven_ids
                WHERE place <> 'camera_id' AND ({could_be})) ANTI JOIN withheld_ids USING (id);
            DROP TABLE known_ids; DROP TABLE unproven_ids"""
    )


def withhold_doubtful(connection: duckdb.DuckDBPyConnection) -> None:
    """Write feed ids of failed batches as codes where they may be plates; needs `judged_rows` and `named`."""
    if connection.execute("SELECT EXISTS (FROM doubtful_ids), EXISTS (FROM named WHERE failed)").fetchall() == [
        (True, True)
    ]:
        connection.execute(
            """UPDATE judged_rows SET feed_id = doubtful_ids.code FROM doubtful_ids
                WHERE judged_rows.feed_id::VARCHAR = doubtful_ids.id
                    AND judged_rows.batch_no IN (SELECT batch_no FROM named WHERE failed)"""
        )


def _find_unproven(connection: duckdb.DuckDBPyConnection, column: str) -> None:
    texts = f"SELECT DISTINCT {column} AS id FROM delivered_ids WHERE {column} IS NOT NULL"
    ((rows, ids),) = connection.execute(
        f"SELECT (SELECT coalesce(sum(reads), 0) FROM delivered_ids), (SELECT count(*) FROM ({texts}))"
    ).fetchall()
    connection.execute(f"CREATE TABLE ids_now AS FROM ({texts}) ANTI JOIN known_ids USING (id)")
    if ids <= max(FEW_IDS, rows / READS_PER_ID):
        # what the first reads prove, the others need not
        for reads in (f"(FROM delivered LIMIT {FIRST_READS})", "delivered"):
            _drop_proven(connection, column, reads)
    connection.execute(f"INSERT INTO unproven_ids SELECT id, '{column}' FROM ids_now; DROP TABLE ids_now")


def _drop_proven(connection: duckdb.DuckDBPyConnection, column: str, reads: str) -> None:
    # a camera id in the place of a VRM is a sign of swapped columns
    connection.execute(
        f"""DELETE FROM ids_now WHERE id IN (
            SELECT {column} FROM {reads} AS reads SEMI JOIN ids_now ON ids_now.id = {column}
            WHERE vrm NOT IN (SELECT camera_id FROM register) GROUP BY {column}
            HAVING count(*) >= {LEAST_READS} AND approx_count_distinct(vrm) >= {LEAST_VRMS})"""
    )


def _find_plate_like(connection: duckdb.DuckDBPyConnection) -> None:
    ids = "SELECT DISTINCT id FROM unproven_ids"
    found = [id_ for (id_,) in connection.execute(f"{ids} LIMIT {ONE_BY_ONE + 1}").fetchall()]
    if len(found) > ONE_BY_ONE:
        connection.execute(f"CREATE TABLE plate_like_ids AS {ids} WHERE reads_as_plate(id)")
    else:
        like = [id_ for id_ in found if reads_as_plate(id_)]
        connection.execute("CREATE TABLE plate_like_ids AS SELECT unnest(?::VARCHAR[]) AS id", [like])


def _code(pseudonymiser: Pseudonymiser, prefix: str, column: str) -> str:
    marked = f"'{prefix}' || {column}"
    return f"'{prefix}' || left({pseudonymiser.sql(marked)}, {CODE_LENGTH})"
