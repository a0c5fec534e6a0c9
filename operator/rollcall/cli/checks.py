"""The checks of `rollcall check` that ask a cluster: its version, the CRDs, rights, zones."""

import asyncio
import re
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from rollcall.kube import Forbidden, KubeError, NotFound
from rollcall.kube.errors import APPLY_CRDS
from rollcall.model.keys import API_GROUP
from rollcall.model.state import Health
from rollcall.model.wording import abridged, counted

from .advice import INSTALL, advice
from .cluster import Cluster, connected
from .objects import ZoneObject
from .options import OPERATOR_NAMESPACE, GlobalOptions
from .rights import PUBLICATION_GATE, Right, Scope, rights, summed_up
from .schema import KINDS, missing_fields

OLDEST = (1, 31)
"""The first Kubernetes that has all that the rules and the selectable fields of the CRDs need."""

EXAMPLE_ZONE = "kubectl apply -f manifests/examples/zone.yaml, with a domain of yours"

_CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_REVIEWS = "/apis/authorization.k8s.io/v1"
_ACCOUNT = "system:serviceaccount:"


class Level(IntEnum):
    """How a check ended, the worst last."""

    OK = 0
    WARN = 1
    FAIL = 2


LEVELS = {Health.GOOD: Level.OK, Health.WARN: Level.WARN, Health.BAD: Level.FAIL}


@dataclass(frozen=True, slots=True)
class Line:
    """The result of one check, and what to do about it. `details` are what the message counts, one by one."""

    level: Level
    check: str
    message: str
    advice: str = ""
    details: tuple[str, ...] = ()

    @property
    def health(self) -> Health:
        """The level as objects have it."""
        return next(health for health, level in LEVELS.items() if level is self.level)


async def check_cluster(
    options: GlobalOptions, user: str | None, operator_namespace: str, *, gate: bool
) -> tuple[list[Line], list[ZoneObject]]:
    """Run the checks of a cluster; return their lines, and the zones for those who ask its DNS servers.

    `gate` adds what the publication gate needs.
    """
    async with connected(options) as cluster:
        try:
            lines = [await check_api(cluster)]
        except KubeError as error:
            return [Line(Level.FAIL, "api", advice(error))], []
        lines += [await check_crd(cluster, plural) for plural in KINDS]
        lines.append(await check_rights(cluster, user, options.namespace, operator_namespace))
        if gate:
            lines.append(await check_gate(cluster, user, options.namespace))
        try:
            zones = await cluster.zones()
        except KubeError as error:
            return [*lines, Line(Level.FAIL, "zones", advice(error))], []
        return [*lines, *check_zones(zones)], zones


async def check_api(cluster: Cluster) -> Line:
    """Check that the API server answers and is not too old. Raises KubeError."""
    answer = await cluster.client.get("/version")
    version = str(answer.get("gitVersion", "an unknown version"))
    number = re.match(r"v(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) >= OLDEST:
        return Line(Level.OK, "api", f"Kubernetes {version}")
    wanted = ".".join(map(str, OLDEST))
    return Line(
        Level.FAIL,
        "api",
        f"Kubernetes {version} lacks what the CRDs need.",
        f"Use Kubernetes {wanted} or newer.",
    )


async def check_crd(cluster: Cluster, plural: str) -> Line:
    """Check that a CRD is there, is served, and knows the fields of this version."""
    name = f"{plural}.{API_GROUP}"
    try:
        crd = await cluster.client.get(f"{_CRDS}/{name}")
    except NotFound:
        return Line(Level.FAIL, name, "The CRD is missing.", f"Install it: {INSTALL}")
    except Forbidden:
        return Line(
            Level.WARN,
            name,
            "You may not read CRDs.",
            "Let somebody check it who may get customresourcedefinitions.",
        )
    except KubeError as error:
        return Line(Level.FAIL, name, advice(error))
    conditions = crd.get("status", {}).get("conditions", ())
    if not any(each["type"] == "Established" and each["status"] == "True" for each in conditions):
        why = " ".join(each.get("message", "") for each in conditions if each["status"] != "True").strip()
        return Line(
            Level.FAIL,
            name,
            f"The CRD is not established. {why}".strip(),
            "Look: kubectl describe crd " + name,
        )
    served = [
        version for version in crd["spec"]["versions"] if version["name"] == "v1alpha1" and version["served"]
    ]
    if not served:
        return Line(
            Level.FAIL, name, "The CRD does not serve v1alpha1.", f"Bring it up to date: {APPLY_CRDS}"
        )
    missing = missing_fields(plural, served[0].get("schema", {}).get("openAPIV3Schema", {}))
    if missing:
        return Line(
            Level.FAIL,
            name,
            f"The CRD is older than this version: it lacks {abridged(missing[:5], len(missing))}"
            + (" fields." if len(missing) > 5 else "."),
            f"Bring it up to date: {APPLY_CRDS}",
        )
    return Line(Level.OK, name, "established, with all fields of this version")


async def check_rights(
    cluster: Cluster, user: str | None, namespace: str | None, operator_namespace: str
) -> Line:
    """Check that a user (None: whoever we are) has the rights of the operator.

    `namespace` is the one that is watched, None for all; `operator_namespace` has the Lease and the Secrets.
    """
    where = _where(namespace)
    namespaces = {"namespaced": namespace, "files": namespace, "own": operator_namespace, "cluster": None}
    whom = user or "you"
    wanted = list(rights())
    try:
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(_may(cluster, right, user, namespaces[right.scope])) for right in wanted
            ]
    except ExceptionGroup as errors:
        error = errors.exceptions[0]
        if not isinstance(error, KubeError):
            raise
        return Line(Level.FAIL, "rights", advice(error))
    denied = [right for right, task in zip(wanted, asked, strict=True) if not task.result()]
    if not denied:
        return Line(Level.OK, "rights", f"{whom} may do all that the operator needs {where}")
    places: dict[Scope, str] = {
        "namespaced": where,
        "files": where,
        "own": f"in the namespace {operator_namespace}",
    }
    if namespace is None and all(right.scope == "files" for right in denied):
        return Line(
            Level.WARN,
            "rights",
            f"{whom} may do all that the operator needs, but not write files everywhere.",
            "The chart grants that in the namespaces of fileNamespaces; check one with -n.",
            tuple(summed_up(denied, places)),
        )
    told = counted(len(denied), "right is missing", "rights are missing")
    return Line(
        Level.FAIL,
        "rights",
        f"{whom} may not do all that the operator needs: {told}.",
        "The chart and manifests/install.yaml grant them to the operator's account."
        if user
        else f"For the account of an installed operator add --as {_ACCOUNT}{OPERATOR_NAMESPACE}:rollcall",
        tuple(summed_up(denied, places)),
    )


async def check_gate(cluster: Cluster, user: str | None, namespace: str | None) -> Line:
    """Check that a user has the right that the publication gate needs, which is granted only if asked for."""
    check, whom, where = "publication gate", user or "you", _where(namespace)
    try:
        allowed = await _may(cluster, PUBLICATION_GATE, user, namespace)
    except KubeError as error:
        return Line(Level.FAIL, check, advice(error))
    if allowed:
        return Line(Level.OK, check, f"{whom} may {PUBLICATION_GATE} {where}")
    return Line(
        Level.FAIL,
        check,
        f"{whom} may not {PUBLICATION_GATE} {where}: no pod that declares the gate would become ready.",
        "The chart grants it to the operator's account with publicationGate.enabled.",
    )


def _where(namespace: str | None) -> str:
    return f"in the namespace {namespace}" if namespace else "in all namespaces"


async def _may(cluster: Cluster, right: Right, user: str | None, namespace: str | None) -> bool:
    resource, _, subresource = right.resource.partition("/")
    attributes = {"group": right.group, "resource": resource, "subresource": subresource, "verb": right.verb}
    if namespace:
        attributes["namespace"] = namespace
    spec: dict[str, Any] = {"resourceAttributes": attributes}
    kind = "SelfSubjectAccessReview"
    if user:
        kind = "SubjectAccessReview"
        spec |= {"user": user, "groups": _groups(user)}
    body = {"apiVersion": "authorization.k8s.io/v1", "kind": kind, "spec": spec}
    answer = await cluster.client.create(f"{_REVIEWS}/{kind.lower()}s", body)
    return bool(answer["status"]["allowed"])


def _groups(user: str) -> list[str]:
    """Return the groups that the API server puts a user into."""
    groups = ["system:authenticated"]
    if user.startswith(_ACCOUNT):
        namespace = user.removeprefix(_ACCOUNT).partition(":")[0]
        groups += ["system:serviceaccounts", f"system:serviceaccounts:{namespace}"]
    return groups


def check_zones(zones: list[ZoneObject]) -> list[Line]:
    """Check that every zone is published as asked."""
    if not zones:
        message = "There is no DiscoveryZone: nothing is published in DNS."
        return [Line(Level.WARN, "zones", message, f"Make one: {EXAMPLE_ZONE}")]
    lines = []
    for zone in zones:
        state, name = zone.state, f"zone {zone.metadata.name}"
        if state.health is Health.GOOD:
            status = zone.status
            content = f"{counted(status.records, 'record')} of {counted(status.services, 'service')}"
            lines.append(Line(Level.OK, name, f"{zone.spec.domain}: {content}, serial {status.serial}"))
        else:
            lines.append(
                Line(LEVELS[state.health], name, f"{zone.spec.domain}: {state.word}: {state.message}")
            )
    return lines
