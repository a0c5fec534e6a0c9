"""The chart with the real Helm: a first install with zones and files, upgrade, rollback, removal."""

import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
import yaml
from manifests.generate import CHART, INSTALL, install_yaml

from api.manifests.resources import PLURALS, Json
from controlplane import ApiError, CommandFailed, ControlPlane, path
from controlplane.programs import find
from rollcall.cli.child import STOP_SECONDS
from rollcall.cli.run import run

NAMESPACE = "rollcall-system"
SCENARIOS = sorted((CHART / "ci").glob("*-values.yaml"))
ZONE = {"name": "internal", "spec": {"domain": "k8s.example.com"}}
FILE = {
    "name": "targets",
    "namespace": "default",
    "spec": {"format": "prometheus", "configMap": {"name": "targets", "key": "targets.json"}},
}


class Release:
    """A release of the chart in a cluster."""

    def __init__(self, cluster: ControlPlane, folder: Path) -> None:
        self.cluster = cluster
        self._values = folder / "values.yaml"

    def helm(self, verb: str, values: Json, *flags: str, chart: Path = CHART) -> str:
        self._values.write_text(yaml.safe_dump(values))
        where = (
            ["--namespace", NAMESPACE, "--create-namespace"]
            if verb == "install"
            else ["--namespace", NAMESPACE]
        )
        return self.cluster.helm(verb, "rollcall", str(chart), *where, "--values", str(self._values), *flags)

    def uninstall(self) -> None:
        self.cluster.helm("uninstall", "rollcall", "--namespace", NAMESPACE, "--ignore-not-found")

    def names(self, plural: str, namespace: str | None = None) -> list[str]:
        found = self.cluster.client.list(path("rollcall.dev/v1alpha1", plural, namespace))["items"]
        return sorted(item["metadata"]["name"] for item in found)

    def crd(self, plural: str) -> Json:
        return self.cluster.client.get(
            path("apiextensions.k8s.io/v1", "customresourcedefinitions", name=f"{plural}.rollcall.dev")
        )

    def remove_crds(self) -> None:
        names = [f"{plural}.rollcall.dev" for plural in PLURALS.values()]
        self.cluster.kubectl("delete", "crd", "--ignore-not-found", *names)


@pytest.fixture
def release(empty_cluster: ControlPlane, tmp_path: Path) -> Iterator[Release]:
    release = Release(empty_cluster, tmp_path)
    yield release
    release.uninstall()
    release.remove_crds()


@pytest.fixture
def newer_chart(tmp_path: Path) -> Path:
    """Make a later version of the chart, whose CRD of zones has one more short name."""
    chart = Path(shutil.copytree(CHART, tmp_path / "rollcall"))
    crd = chart / "crds" / "discoveryzones.yaml"
    crd.write_text(crd.read_text().replace("shortNames: [dz]", "shortNames: [dz, dzone]"))
    return chart


def pod_of(rendered: Iterable[Json]) -> Json:
    """Return the pod template of the one Deployment."""
    (deployment,) = (item for item in rendered if item["kind"] == "Deployment")
    template: Json = deployment["spec"]["template"]
    return template


def test_install_yaml_is_current() -> None:
    assert INSTALL.read_text() == install_yaml(str(find("helm"))), "run python manifests/generate.py"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_every_scenario_is_accepted(release: Release, scenario: Path) -> None:
    """By helm lint, and object for object by the API server."""
    release.cluster.helm("lint", "--strict", str(CHART), "--values", str(scenario))
    release.cluster.workloads.make_namespace("shop")
    release.helm("install", yaml.safe_load(scenario.read_text()))


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_the_operator_takes_the_arguments(release: Release, scenario: Path) -> None:
    manifest = release.cluster.helm("template", "rollcall", str(CHART), "--values", str(scenario))
    (container,) = pod_of(yaml.safe_load_all(manifest))["spec"]["containers"]
    name, *arguments = container["args"]
    assert name == run.name
    run.make_context("rollcall run", arguments)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_the_grace_period_is_long_enough_to_end_in_order(release: Release, scenario: Path) -> None:
    """The lameduck time, then the control process, then those that answer."""
    manifest = release.cluster.helm("template", "rollcall", str(CHART), "--values", str(scenario))
    spec = pod_of(yaml.safe_load_all(manifest))["spec"]
    options = run.make_context("rollcall run", spec["containers"][0]["args"][1:]).params
    assert spec["terminationGracePeriodSeconds"] >= options["lameduck"] + 2 * STOP_SECONDS


@pytest.mark.parametrize("transfer", [False, True])
def test_the_network_policy_lets_in_what_the_pod_is_for(release: Release, transfer: bool) -> None:
    flags = ["--set", f"networkPolicy.enabled=true,transfer.enabled={str(transfer).lower()}"]
    rendered = list(yaml.safe_load_all(release.cluster.helm("template", "rollcall", str(CHART), *flags)))
    (container,) = pod_of(rendered)["spec"]["containers"]
    (policy,) = (item for item in rendered if item["kind"] == "NetworkPolicy")
    let_in = {
        (port["port"], port["protocol"]) for rule in policy["spec"]["ingress"] for port in rule["ports"]
    }
    assert let_in == {(port["name"], port["protocol"]) for port in container["ports"]}
    assert not any("from" in rule for rule in policy["spec"]["ingress"])
    labels = pod_of(rendered)["metadata"]["labels"]
    assert policy["spec"]["podSelector"]["matchLabels"].items() <= labels.items()


def test_a_long_release_name_gives_a_valid_identity(release: Release) -> None:
    manifest = release.cluster.helm("template", "r" * 53, str(CHART), "--namespace", "n" * 63)
    (container,) = pod_of(yaml.safe_load_all(manifest))["spec"]["containers"]
    run.make_context("rollcall run", container["args"][1:])


def test_a_cloud_can_know_the_account_and_the_pod(release: Release) -> None:
    values = str(CHART / "ci" / "full-values.yaml")
    objects = list(yaml.safe_load_all(release.cluster.helm("template", "rollcall", str(CHART), "-f", values)))
    (account,) = (each for each in objects if each["kind"] == "ServiceAccount")
    assert account["metadata"]["annotations"].keys() == {"eks.amazonaws.com/role-arn"}
    assert pod_of(iter(objects))["metadata"]["labels"]["azure.workload.identity/use"] == "true"


def test_the_pod_meets_the_strictest_security_standard(release: Release) -> None:
    """Pod Security Standards, restricted: the API server refuses what doesn't meet it."""
    client = release.cluster.client
    release.cluster.workloads.make_namespace("strict", {"pod-security.kubernetes.io/enforce": "restricted"})
    account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "rollcall"}}
    client.create(path("v1", "serviceaccounts", "strict"), account)
    pod = {"apiVersion": "v1", "kind": "Pod", **pod_of(yaml.safe_load_all(INSTALL.read_text()))}
    pod["metadata"]["name"] = "rollcall"
    query = {"dryRun": "All", "fieldValidation": "Strict"}
    client.request("POST", path("v1", "pods", "strict"), pod, query=query)
    pod["spec"]["containers"][0]["securityContext"]["allowPrivilegeEscalation"] = True
    with pytest.raises(ApiError, match="violates PodSecurity"):
        client.request("POST", path("v1", "pods", "strict"), pod, query=query)


def test_a_typo_is_refused(release: Release) -> None:
    with pytest.raises(CommandFailed, match=r"additional properties 'zone' not allowed"):
        release.helm("install", {"zone": [ZONE]})


def test_a_file_where_none_can_be_written_is_refused(release: Release) -> None:
    with pytest.raises(CommandFailed, match="default/targets could not be written: fileNamespaces lacks"):
        release.helm("install", {"files": [FILE], "fileNamespaces": ["shop"]})


def test_a_wrong_zone_is_refused_with_the_rule(release: Release) -> None:
    with pytest.raises(CommandFailed, match="in lower case without the last dot"):
        release.helm("install", {"zones": [{"name": "internal", "spec": {"domain": "K8s."}}]})


def test_zones_and_files_come_with_the_first_install(release: Release) -> None:
    """Nothing of ours is in the cluster: the CRDs have to be served before the zone is made."""
    notes = release.helm("install", {"zones": [ZONE], "files": [FILE]})
    assert release.names("discoveryzones") == ["internal"]
    assert release.names("discoveryfiles", "default") == ["targets"]
    assert "<service>.<namespace>.k8s.example.com" in notes


def test_the_notes_say_when_there_is_no_zone(release: Release) -> None:
    assert "No zone is set up yet" in release.helm("install", {})


def test_an_upgrade_changes_zones_files_and_crds(release: Release, newer_chart: Path) -> None:
    release.helm("install", {"zones": [ZONE], "files": [FILE]})
    before = release.cluster.client.get(path("rollcall.dev/v1alpha1", "discoveryzones", name="internal"))
    changed = {"name": "internal", "spec": {"domain": "k8s.example.com", "ttlSeconds": 9}}
    release.helm("upgrade", {"zones": [changed, {**ZONE, "name": "second"}]}, chart=newer_chart)
    after = release.cluster.client.get(path("rollcall.dev/v1alpha1", "discoveryzones", name="internal"))
    assert after["metadata"]["uid"] == before["metadata"]["uid"], "the zone is changed, not made anew"
    assert after["spec"]["ttlSeconds"] == 9
    assert release.names("discoveryzones") == ["internal", "second"]
    assert release.names("discoveryfiles", "default") == []
    assert release.crd("discoveryzones")["spec"]["names"]["shortNames"] == ["dz", "dzone"]


def test_a_rollback_keeps_the_zone(release: Release, newer_chart: Path) -> None:
    release.helm("install", {"zones": [ZONE]})
    before = release.cluster.client.get(path("rollcall.dev/v1alpha1", "discoveryzones", name="internal"))
    release.helm("upgrade", {"zones": [ZONE]}, chart=newer_chart)
    release.cluster.helm("rollback", "rollcall", "1", "--namespace", NAMESPACE)
    after = release.cluster.client.get(path("rollcall.dev/v1alpha1", "discoveryzones", name="internal"))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


def test_an_upgrade_can_leave_the_crds(release: Release, newer_chart: Path) -> None:
    release.helm("install", {})
    release.helm("upgrade", {"crds": {"upgrade": False}}, chart=newer_chart)
    assert release.crd("discoveryzones")["spec"]["names"]["shortNames"] == ["dz"]


def test_removal_keeps_the_crds_and_what_users_made(release: Release) -> None:
    release.helm("install", {"zones": [ZONE]})
    release.cluster.client.create(
        path("rollcall.dev/v1alpha1", "discoveryzones"),
        {
            "apiVersion": "rollcall.dev/v1alpha1",
            "kind": "DiscoveryZone",
            "metadata": {"name": "by-hand"},
            "spec": {"domain": "by-hand.example.com"},
        },
    )
    release.uninstall()
    assert release.names("discoveryzones") == ["by-hand"]
    release.helm("install", {"zones": [ZONE]})
    assert release.names("discoveryzones") == ["by-hand", "internal"]


def test_it_installs_over_crds_that_kubectl_made(release: Release) -> None:
    crds = str(CHART / "crds")
    release.cluster.kubectl("apply", "--server-side", "--filename", crds)
    release.cluster.kubectl("wait", "--for=condition=Established", "--timeout=60s", "--filename", crds)
    release.helm("install", {"zones": [ZONE]})
    assert release.names("discoveryzones") == ["internal"]


def test_a_rendered_install_holds_each_crd_once_and_no_hook() -> None:
    """GitOps tools render: a CRD that came as a hook might be deleted before it is made again."""
    rendered = list(yaml.safe_load_all(INSTALL.read_text()))
    crds = [item["metadata"]["name"] for item in rendered if item["kind"] == "CustomResourceDefinition"]
    assert sorted(crds) == sorted(f"{plural}.rollcall.dev" for plural in PLURALS.values())
    assert "helm" not in INSTALL.read_text().replace("without Helm", "").lower()


def test_install_yaml_applies_to_an_empty_cluster(release: Release) -> None:
    release.cluster.kubectl("apply", "--server-side", "--filename", str(INSTALL))
    made = release.cluster.kubectl(
        "get", "deployment,service,serviceaccount", "--namespace", NAMESPACE, "--output", "name"
    )
    assert "deployment.apps/rollcall" in made
    release.cluster.kubectl("delete", "--filename", str(INSTALL), "--wait=false")
    release.cluster.workloads.remove_namespace(NAMESPACE)
