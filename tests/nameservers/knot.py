"""Knot DNS, as docs/how-to/knot.md sets it up."""

import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from nameservers.nameserver import Nameserver
from nameservers.snippets import CATALOG, DOMAIN, ROLLCALL, snippet
from nameservers.zones import DEDICATED, Zone, placeholders

_OURS = """\
server:
    rundir: "{folder}"
    listen: {address}@{port}

control:
    listen: "{control}"

log:
  - target: stderr
    any: info

database:
    storage: "{folder}"

template:
  - id: default
    storage: "{folder}"

"""


class Knot(Nameserver):
    """A knotd. `config` is a knot.conf without the sections server, control, log and database."""

    program = "knotd"
    _control: Path | None = None

    @classmethod
    def primary(cls, folder: Path, *zones: Zone, port: int | None = None) -> Self:
        """Make a primary that takes updates with the key of the pages; without zones, for a dedicated one."""
        zones = zones or (DEDICATED,)
        files = {f"{zone.name}.zone": zone.zone_file() for zone in zones}
        config = snippet("knot-key")
        for zone in zones:
            config += snippet(f"knot-{zone.kind}", placeholders(zone) | {"/var/lib/knot": str(folder)})
        return cls(folder, config, zones=[zone.name for zone in zones], files=files, port=port)

    @classmethod
    def secondary(
        cls,
        folder: Path,
        primary: tuple[str, int],
        *domains: str,
        port: int | None = None,
        others: Sequence[tuple[str, int]] = (),
    ) -> Self:
        """Make a secondary of a primary (address and port), which asks with the key of the pages.

        `others` are further replicas of the primary.
        """
        replicas = [f"{address}@{port}" for address, port in (primary, *others)]
        text = snippet("knot-transfer", {f"{ROLLCALL}@53": f"[{', '.join(replicas)}]"})
        head, section, zone = text.partition("zone:\n")
        zones = "".join(zone.replace(DOMAIN, domain) for domain in domains or (DOMAIN,))
        return cls(folder, snippet("knot-key") + head + section + zones, port=port)

    @classmethod
    def catalog_consumer(
        cls, folder: Path, primary: tuple[str, int], catalog: str = CATALOG, port: int | None = None
    ) -> Self:
        """Make a secondary of whatever zones the primary's catalog zone lists."""
        replaced = {f"{ROLLCALL}@53": f"{primary[0]}@{primary[1]}", CATALOG: catalog}
        # What a catalog adds follows its own template, whose storage would be the machine's.
        text = snippet("knot-catalog", replaced).replace(
            "template:\n  - id: rollcall\n", f'template:\n  - id: rollcall\n    storage: "{folder}"\n'
        )
        return cls(folder, snippet("knot-key") + text, port=port)

    def stop(self, grace_seconds: float = 10.0) -> None:
        super().stop(grace_seconds)
        if self._control is not None:
            shutil.rmtree(self._control)
            self._control = None

    def _prepare(self) -> list[str | Path]:
        if self._control is None:
            # Knot can't do without its socket, whose path may have 107 octets: a test's folder may have more.
            self._control = Path(tempfile.mkdtemp(prefix="knot-"))
        ours = _OURS.format(
            folder=self.folder, port=self.port, address=self.address, control=self._control / "socket"
        )
        file = self.folder / "knot.conf"
        file.write_text(ours + self.config)
        return [self._find(), "-c", file]
