"""Checks of the running stack over its real interfaces: each service works for who may use it, and refuses others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import sqlalchemy

from infra.stack.services import ADMINISTRATOR, TIMEOUT

if TYPE_CHECKING:
    from infra.stack.services import Stack

REFUSED = {httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN}


@dataclass(frozen=True)
class Check:
    """What was looked at, and whether it is as it must be."""

    what: str
    passed: bool


def check_stack(stack: Stack) -> tuple[Check, ...]:
    """Look at every service as a client does.

    Raises:
        httpx.HTTPError: A service does not answer at all.
    """
    return (*_database(stack), *_mlflow(stack), *_prefect(stack))


def _database(stack: Stack) -> Iterator[Check]:
    engine = sqlalchemy.create_engine(stack.database.url("findprofile"))
    try:
        with engine.connect() as connection:
            read = connection.execute(sqlalchemy.text("SELECT 1")).scalar_one() == 1
            listens = connection.execute(sqlalchemy.text("SHOW listen_addresses")).scalar_one()
    finally:
        engine.dispose()
    yield Check("PostgreSQL answers a query", read)
    yield Check("PostgreSQL listens on no network address", listens == "")


def _mlflow(stack: Stack) -> Iterator[Check]:
    address = f"{stack.mlflow_url}/api/2.0/mlflow/registered-models/search"
    signed_in = httpx.get(address, auth=(ADMINISTRATOR, stack.mlflow_password), timeout=TIMEOUT)
    stranger = httpx.get(address, timeout=TIMEOUT)
    wrong = httpx.get(address, auth=(ADMINISTRATOR, "wrong"), timeout=TIMEOUT)
    yield Check("MLflow lists models for its administrator", signed_in.status_code == httpx.codes.OK)
    yield Check("MLflow refuses who is not signed in", stranger.status_code in REFUSED)
    yield Check("MLflow refuses a wrong password", wrong.status_code in REFUSED)


def _prefect(stack: Stack) -> Iterator[Check]:
    address = f"{stack.prefect_url}/deployments/filter"
    signed_in = httpx.post(address, json={}, auth=(ADMINISTRATOR, stack.prefect_password), timeout=TIMEOUT)
    stranger = httpx.post(address, json={}, timeout=TIMEOUT)
    held = httpx.get(
        f"{stack.prefect_url}/admin/settings", auth=(ADMINISTRATOR, stack.prefect_password), timeout=TIMEOUT
    )
    yield Check("Prefect lists deployments for who has its password", signed_in.status_code == httpx.codes.OK)
    yield Check("Prefect refuses who has not", stranger.status_code in REFUSED)
    yield Check("Prefect sends nothing outside", held.json()["server"]["analytics_enabled"] is False)
