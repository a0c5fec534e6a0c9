"""CoreDNS, as docs/how-to/coredns-secondary.md sets it up. A secondary only, and one that can't sign."""

from pathlib import Path
from typing import Self

from nameservers.nameserver import Nameserver
from nameservers.snippets import DOMAIN, ROLLCALL, snippet


class CoreDNS(Nameserver):
    """A coredns. `config` is a Corefile whose blocks are for port 53."""

    program = "coredns"

    @classmethod
    def secondary(
        cls, folder: Path, primary: tuple[str, int], *domains: str, port: int | None = None
    ) -> Self:
        """Make a secondary of a primary (address and port) that lets it transfer without a key."""
        place = {f"{ROLLCALL}:53": f"{primary[0]}:{primary[1]}"}
        blocks = (snippet("coredns-transfer", place | {DOMAIN: domain}) for domain in domains or (DOMAIN,))
        return cls(folder, "".join(blocks), port=port)

    def _prepare(self) -> list[str | Path]:
        file = self.folder / "Corefile"
        file.write_text(self.config.replace(":53 {\n", f":{self.port} {{\n    bind {self.address}\n"))
        return [self._find(), "-conf", file]
