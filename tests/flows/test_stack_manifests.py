"""The manifests are policy: every workload in them is closed as far as the platform lets it be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "infra" / "deploy"
ROCUS = ["emsou", "ersou", "london", "nerocu", "nwrocu", "rocuwm", "serocu", "swrocu", "tarian", "yhrocu"]


def documents() -> Iterator[dict[str, Any]]:
    for path in sorted((DEPLOY / "base").glob("*.yaml")) + sorted((DEPLOY / "worker").glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text())


WORKLOADS = {
    held["metadata"]["name"]: held["spec"]["template"]["spec"] for held in documents() if held["kind"] == "Deployment"
}


@pytest.mark.parametrize("name", ["prefect-server", "mlflow-server", "worker"])
def test_a_workload_has_no_root_no_way_up_and_limits(name: str) -> None:
    pod = WORKLOADS[name]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["limits"]) == {"cpu", "memory"}


@pytest.mark.parametrize("name", ["prefect-server", "mlflow-server", "worker"])
def test_no_secret_stands_in_a_manifest(name: str) -> None:
    [container] = WORKLOADS[name]["containers"]
    assert container["envFrom"] == [{"secretRef": {"name": name}}]
    plain = {one["name"] for one in container["env"]}
    assert {one for one in plain if any(word in one for word in ("TOKEN", "PASSWORD", "AUTH_STRING", "_URL"))} <= {
        "FINDPROFILE_PREFECT_API_URL"
    }


def test_the_network_is_closed_before_it_is_opened() -> None:
    policies = {held["metadata"]["name"]: held["spec"] for held in documents() if held["kind"] == "NetworkPolicy"}
    assert policies["default-deny"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    opened = [rule for spec in policies.values() for rule in (*spec.get("ingress", []), *spec.get("egress", []))]
    assert all(rule.get("ports") and (rule.get("to") or rule.get("from")) for rule in opened)


def test_each_rocu_has_a_worker_with_its_own_secret() -> None:
    assert sorted(path.name for path in (DEPLOY / "rocus").iterdir()) == ROCUS
    for rocu in ROCUS:
        overlay = yaml.safe_load((DEPLOY / "rocus" / rocu / "kustomization.yaml").read_text())
        values = [change["value"] for change in yaml.safe_load(overlay["patches"][0]["patch"])]
        assert overlay["nameSuffix"] == f"-{rocu}"
        assert values == [rocu, f"worker-{rocu}", f"worker-{rocu}-signing"]
