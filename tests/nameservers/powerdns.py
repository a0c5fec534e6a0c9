"""PowerDNS with SQLite behind it, as docs/how-to/powerdns.md sets it up."""

import contextlib
import shlex
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Self

from controlplane import programs
from nameservers.nameserver import Nameserver
from nameservers.snippets import CATALOG, DOMAIN, PARENT, REVERSE, ROLLCALL, snippet
from nameservers.zones import DEDICATED, Kind, Zone, placeholders

_SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
"""Where Debian's package has it."""

_OURS = """\
launch=gsqlite3
gsqlite3-database={folder}/pdns.sqlite3
gsqlite3-pragma-synchronous=0
local-address={address}
local-port={port}
socket-dir={control}
daemon=no
guardian=no
security-poll-suffix=
"""
_SECONDS = 60.0


class PowerDNS(Nameserver):
    """A pdns_server. `config` is a pdns.conf without backend, addresses and folders."""

    program = "pdns_server"
    _control: Path | None = None
    _setup: tuple[str, ...] = ()  # lines of pdnsutil, run once, before the first start

    @classmethod
    def primary(cls, folder: Path, *zones: Zone, port: int | None = None) -> Self:
        """Make a primary that takes updates with the key of the pages; without zones, for a dedicated one."""
        zones = zones or (DEDICATED,)
        files = {f"{zone.name}.zone": zone.zone_file() for zone in zones}
        config = snippet("powerdns-update-conf")
        if any(zone.kind is Kind.SHARED for zone in zones):
            config += snippet("powerdns-policy-conf", {"/etc/powerdns": str(folder)})
            files["rollcall.lua"] = _policy(zones)
        server = cls(folder, config, zones=[zone.name for zone in zones], files=files, port=port)
        server._setup = (snippet("powerdns-key"), *(_stanza(folder, zone) for zone in zones))
        return server

    @classmethod
    def secondary(
        cls, folder: Path, primary: tuple[str, int], *domains: str, port: int | None = None
    ) -> Self:
        """Make a secondary of a primary (address and port), which asks with the key of the pages."""
        server = cls(folder, snippet("powerdns-transfer-conf"), port=port)
        place = {f"{ROLLCALL}:53": f"{primary[0]}:{primary[1]}"}
        zones = (snippet("powerdns-transfer", place | {DOMAIN: each}) for each in domains or (DOMAIN,))
        server._setup = (snippet("powerdns-key"), *zones)
        return server

    @classmethod
    def catalog_consumer(
        cls, folder: Path, primary: tuple[str, int], catalog: str = CATALOG, port: int | None = None
    ) -> Self:
        """Make a secondary of whatever zones the primary's catalog zone lists."""
        server = cls(folder, snippet("powerdns-transfer-conf"), port=port)
        place = {f"{ROLLCALL}:53": f"{primary[0]}:{primary[1]}", CATALOG: catalog}
        server._setup = (snippet("powerdns-key"), snippet("powerdns-catalog", place))
        return server

    def sign_member(self, domain: str) -> None:
        """Let a zone that a catalog has added be transferred with the key of the pages."""
        self._run(snippet("powerdns-catalog-member", {DOMAIN: domain}))

    def pdnsutil(self, *arguments: str) -> str:
        """Run `pdnsutil` on the database of this server; return what it says, raise when it fails."""
        command: list[str | Path] = [programs.find("pdnsutil"), f"--config-dir={self.folder}", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)
        if done.returncode:
            raise AssertionError(f"pdnsutil {' '.join(arguments)}: {done.stdout}{done.stderr}")
        return done.stdout

    def stop(self, grace_seconds: float = 10.0) -> None:
        super().stop(grace_seconds)
        if self._control is not None:
            shutil.rmtree(self._control)
            self._control = None

    def _prepare(self) -> list[str | Path]:
        if self._control is None:
            # The path of its socket may be 107 octets long: a test's folder may be longer.
            self._control = Path(tempfile.mkdtemp(prefix="pdns-"))
        ours = _OURS.format(folder=self.folder, address=self.address, port=self.port, control=self._control)
        (self.folder / "pdns.conf").write_text(ours + self.config)
        if not (self.folder / "pdns.sqlite3").exists():
            self._make_database()
        return [self._find(), f"--config-dir={self.folder}"]

    def _make_database(self) -> None:
        with contextlib.closing(sqlite3.connect(self.folder / "pdns.sqlite3")) as database:
            database.executescript(_SCHEMA.read_text())
        self._run("".join(self._setup))

    def _run(self, lines: str) -> None:
        for line in lines.splitlines():
            program, *arguments = shlex.split(line)
            assert program == "pdnsutil", line
            self.pdnsutil(*arguments)


def _stanza(folder: Path, zone: Zone) -> str:
    if zone.kind is not Kind.SHARED:
        place = placeholders(zone) | {"/etc/powerdns": str(folder)}
        return snippet(f"powerdns-{zone.kind}", place)
    # The page takes it for granted that a shared zone is there.
    there = (
        f"pdnsutil load-zone {zone.name} {folder}/{zone.name}.zone\npdnsutil set-kind {zone.name} primary\n"
    )
    return there + snippet("powerdns-update-shared", {PARENT: zone.name})


def _policy(zones: Iterable[Zone]) -> str:
    """Return the script of the page, with the line of its kind for each zone."""
    text = snippet("powerdns-policy")
    ours, reverse = (_line_with(f'"{name}"', text) for name in (DOMAIN, REVERSE))
    lines = [
        reverse.replace(REVERSE, zone.name)
        if zone.kind is Kind.REVERSE
        else ours.replace(DOMAIN, zone.domain or zone.name)
        for zone in zones
    ]
    return text.replace(ours + reverse, "".join(lines))


def _line_with(mark: str, text: str) -> str:
    (line,) = [line for line in text.splitlines(keepends=True) if mark in line]
    return line
