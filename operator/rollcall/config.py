"""What `rollcall run` was told: handed from the supervisor to its children as JSON."""

from pathlib import Path

import msgspec

from rollcall.model.lease_times import LeaseTimes
from rollcall.model.owner import ClusterName, Owner
from rollcall.model.quotas import FILES_PER_NAMESPACE, SERVICES_PER_POD
from rollcall.model.selector import LabelSelector

DNS_LISTEN = "127.0.0.1:10053"
HTTP_LISTEN = "127.0.0.1:8080"
"""What `rollcall run` listens on where nothing else is said.

Port 53 needs a privilege. Of those above, 5353 is mDNS' (each desktop has a socket there, of another user),
5354 and 5355 are its kin's; 5335 and 5053 are taken by the resolvers beside Pi-hole, 8053 by BIND's
statistics. 10053 is assigned to nobody, and below what Linux gives to clients.
"""


class Config(msgspec.Struct, frozen=True):
    """The options of `rollcall run`, checked.

    `namespace` limits the watch to one; "" is all. `zone_selector` limits the DiscoveryZones.
    `operator_namespace` has the Lease and the Secrets with keys. `state_dir` holds the snapshot, the serials
    and the journals of transfers, `runtime_dir` the sockets between the processes, and their temporary
    files. `cluster` is where the credentials lead. `transfers` says that there is a transfer process.
    `publication_gate`: whether pods are told that they are published.
    `generate_after_seconds`: for how long a Service has to be without a ServiceInstance before one is made
    for its status. `services_per_pod`: how many services may have one pod as an instance,
    `files_per_namespace` how many DiscoveryFiles of a namespace count.
    """

    state_dir: Path
    runtime_dir: Path
    kubeconfig: str | None = None
    context: str | None = None
    cluster: ClusterName = ClusterName()
    namespace: str = ""
    zone_selector: LabelSelector = LabelSelector()
    dns_workers: int = 1
    identity: str = "rollcall"
    operator_namespace: str = "rollcall-system"
    leader_elect: bool = False
    lease_times: LeaseTimes = LeaseTimes()
    transfers: bool = False
    log_format: str = "text"
    log_level: str = "info"
    cross_namespace_files: bool = False
    publication_gate: bool = False
    generate_after_seconds: float = 10.0
    services_per_pod: int = SERVICES_PER_POD
    files_per_namespace: int = FILES_PER_NAMESPACE

    @property
    def owner(self) -> Owner:
        """Whose the files in `state_dir` are."""
        return Owner(self.identity, self.cluster)

    @property
    def feed_path(self) -> Path:
        """The socket on which the control process feeds the DNS workers."""
        return self.runtime_dir / "feed.sock"

    @property
    def transfer_feed_path(self) -> Path:
        """The socket on which the control process feeds the transfer process."""
        return self.runtime_dir / "axfr.sock"

    @property
    def cookie_secrets_path(self) -> Path:
        """The secret of DNS cookies, where none was given."""
        return self.runtime_dir / "cookie-secrets"

    @property
    def snapshot_path(self) -> Path:
        """The last answers, for a start without the API server."""
        return self.state_dir / "answers.snapshot"

    @property
    def files_path(self) -> Path:
        """The last renderings of files, for a start without the API server."""
        return self.state_dir / "files.snapshot"

    @property
    def serials_path(self) -> Path:
        """The serials that were handed out."""
        return self.state_dir / "serials.state"

    def encode(self) -> str:
        """Return this configuration as one word of a command line."""
        return msgspec.json.encode(self, enc_hook=str).decode()

    @staticmethod
    def decode(text: str) -> "Config":
        """Parse what `encode` made."""
        return msgspec.json.decode(text, type=Config, dec_hook=lambda _, value: Path(value))
