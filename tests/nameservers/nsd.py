"""NSD, as docs/how-to/nsd.md sets it up. A secondary only."""

from pathlib import Path
from typing import Self

from nameservers.nameserver import Nameserver
from nameservers.snippets import DOMAIN, ROLLCALL, snippet

_OURS = """\
server:
    ip-address: {address}@{port}
    server-count: 1
    username: ""
    chroot: ""
    zonesdir: "{folder}"
    database: "{folder}/nsd.db"
    zonelistfile: "{folder}/zone.list"
    xfrdfile: "{folder}/xfrd.state"
    xfrdir: "{folder}"
    pidfile: ""
    logfile: ""
    verbosity: 2

remote-control:
    control-enable: no

"""


class Nsd(Nameserver):
    """An nsd. `config` is an nsd.conf without the sections server and remote-control."""

    program = "nsd"

    @classmethod
    def secondary(
        cls, folder: Path, primary: tuple[str, int], *domains: str, port: int | None = None
    ) -> Self:
        """Make a secondary of a primary (address and port), which asks with the key of the pages."""
        place = {f"{ROLLCALL}@53": f"{primary[0]}@{primary[1]}", "/var/lib/nsd": str(folder)}
        config = (
            snippet("nsd-server")
            + snippet("nsd-key")
            + "".join(snippet("nsd-transfer", place | {DOMAIN: domain}) for domain in domains or (DOMAIN,))
        )
        return cls(folder, config, port=port)

    def _prepare(self) -> list[str | Path]:
        file = self.folder / "nsd.conf"
        ours = _OURS.format(address=self.address, port=self.port, folder=self.folder)
        file.write_text(ours + self.config)
        return [self._find(), "-d", "-c", file]
