"""BIND, as docs/how-to/bind.md sets it up."""

from pathlib import Path
from typing import Self

from nameservers.nameserver import Nameserver
from nameservers.snippets import CATALOG, DOMAIN, ROLLCALL, snippet
from nameservers.zones import DEDICATED, Zone, placeholders

_OPTIONS = """\
    directory "{folder}";
    listen-on port {port} {{ {address}; }};
    listen-on-v6 {{ none; }};
    pid-file none;
    session-keyfile none;
    managed-keys-directory "{folder}";
    recursion no;
    dnssec-validation no;
    notify explicit;  // no lookup of name servers that aren't there
"""


class Bind(Nameserver):
    """A named. `config` is a named.conf; what has to do with ports and folders is put into its options."""

    program = "named"

    @classmethod
    def primary(cls, folder: Path, *zones: Zone, port: int | None = None) -> Self:
        """Make a primary that takes updates with the key of the pages; without zones, for a dedicated one."""
        zones = zones or (DEDICATED,)
        files = {f"{zone.name}.zone": zone.zone_file() for zone in zones}
        config = snippet("bind-key") + "".join(_stanza(folder, zone) for zone in zones)
        return cls(folder, config, zones=[zone.name for zone in zones], files=files, port=port)

    @classmethod
    def secondary(
        cls, folder: Path, primary: tuple[str, int], *domains: str, port: int | None = None
    ) -> Self:
        """Make a secondary of a primary (address and port), which asks with the key of the pages."""
        config = snippet("bind-transfer-options") + snippet("bind-key") + _primaries(primary)
        for domain in domains or (DOMAIN,):
            config += snippet("bind-transfer", {DOMAIN: domain, "/var/cache/bind": str(folder)})
        return cls(folder, config, port=port)

    @classmethod
    def catalog_consumer(
        cls, folder: Path, primary: tuple[str, int], catalog: str = CATALOG, port: int | None = None
    ) -> Self:
        """Make a secondary of whatever zones the primary's catalog zone lists."""
        place = {CATALOG: catalog, "/var/cache/bind": str(folder), **_primary(primary)}
        config = snippet("bind-key") + _primaries(primary) + snippet("bind-catalog", place)
        return cls(folder, config, port=port)

    def _prepare(self) -> list[str | Path]:
        ours = _OPTIONS.format(folder=self.folder, port=self.port, address=self.address)
        text = self.config
        if "options {\n" in text:
            text = text.replace("options {\n", "options {\n" + ours, 1)
        else:
            text = f"options {{\n{ours}}};\n{text}"
        file = self.folder / "named.conf"
        file.write_text(f"controls {{ }};\n{text}")
        return [self._find(), "-g", "-X", "none", "-c", file]


def _stanza(folder: Path, zone: Zone) -> str:
    return snippet(f"bind-{zone.kind}", placeholders(zone) | {"/var/lib/bind": str(folder)})


def _primary(primary: tuple[str, int]) -> dict[str, str]:
    return {f"{ROLLCALL} port 53": f"{primary[0]} port {primary[1]}"}


def _primaries(primary: tuple[str, int]) -> str:
    return snippet("bind-primaries", _primary(primary))
