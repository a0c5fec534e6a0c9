"""A user's chart: a Service, its ServiceInstance once it is asked for, and other objects."""

import os
import shutil
from pathlib import Path

import yaml

from controlplane import ControlPlane

ROUNDS = int(os.environ.get("CHART_ROUNDS", "2"))
"""How often a chart is installed and removed; the issue that this is for asks for 20."""


class Chart:
    """A chart and its release `shop` in a namespace. Nothing here ever says `--take-ownership`."""

    def __init__(self, cluster: ControlPlane, namespace: str, folder: Path) -> None:
        self.rounds = ROUNDS
        self._cluster = cluster
        self._namespace = namespace
        self._folder = folder
        self._templates = folder / "templates"
        self._templates.mkdir(parents=True)
        (folder / "Chart.yaml").write_text(
            yaml.safe_dump({"apiVersion": "v2", "name": "shop", "version": "1.0.0"})
        )
        spec = {"selector": {"app": "web"}, "clusterIP": "None", "ports": [{"name": "http", "port": 80}]}
        self._write({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})

    def add_objects(self, number: int) -> None:
        """Add objects; a third of them Helm makes after Services and before custom resources."""
        containers = [{"name": "more", "image": "more"}]
        template = {"metadata": {"labels": {"app": "more"}}, "spec": {"containers": containers}}
        spec = {"replicas": 0, "selector": {"matchLabels": {"app": "more"}}, "template": template}
        for index in range(0, number, 3):
            for kind in ("ConfigMap", "ServiceAccount"):
                self._write({"apiVersion": "v1", "kind": kind, "metadata": {"name": f"more-{index}"}})
            name = {"name": f"more-{index}"}
            self._write({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": name, "spec": spec})

    def set_ttl(self, seconds: int) -> None:
        """Have a ServiceInstance in the chart."""
        kind = {"apiVersion": "rollcall.dev/v1alpha1", "kind": "ServiceInstance"}
        metadata = {"name": "web", "labels": {"app.kubernetes.io/name": "web"}}
        spec = {"ttlSeconds": seconds, "answer": {"policy": "All"}}
        self._write({**kind, "metadata": metadata, "spec": spec})

    def install(self, *flags: str) -> None:
        self._helm("install", "shop", str(self._folder), *flags)

    def upgrade(self, ttl_seconds: int, *flags: str) -> None:
        """Upgrade to a chart that has a ServiceInstance with this ttl."""
        self.set_ttl(ttl_seconds)
        self._helm("upgrade", "shop", str(self._folder), *flags)

    def rollback(self, revision: int, *flags: str) -> None:
        self._helm("rollback", "shop", str(revision), *flags)

    def uninstall(self) -> None:
        self._helm("uninstall", "shop", "--wait")

    def remove(self) -> None:
        shutil.rmtree(self._folder)

    def _helm(self, *arguments: str) -> None:
        self._cluster.helm(*arguments, "--namespace", self._namespace)

    def _write(self, manifest: dict[str, object]) -> None:
        name = f"{manifest['kind']}-{manifest['metadata']['name']}".lower()  # type: ignore[index]
        (self._templates / f"{name}.yaml").write_text(yaml.safe_dump(manifest))
