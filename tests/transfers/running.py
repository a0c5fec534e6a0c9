"""A feed and a real transfer process, for as long as a test runs."""

import contextlib
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

from children import ChildProcess, Control, feeding
from controlplane.ports import free_port
from owners import OWNER
from rollcall.feed.feed import Feed
from rollcall.feed.frames import SecondaryState, TransferSettings, TransferStats, TransferZone
from rollcall.model import KeyRing, Secondary, Transfer, TsigKey, parse_key
from rollcall.publish.transfer.process import command
from rollcall.serve.sockets import open_sockets
from rollcall.zone.changes import ZoneDelta
from transfers.source import ZoneSource

SECRET = "secondaries"
KEY_TEXT = "hmac-sha256:rollcall:cm9sbGNhbGwgZXhhbXBsZSBrZXk6IG1ha2UgYW5vdGhlciBvbmU="
OTHER_TEXT = "hmac-sha256:other:b3RoZXIga2V5IG9mIHNvbWVib2R5IGVsc2UsIG5vdCBvdXJz"


class TransferControl(Control):
    """The control process's end of the feed."""

    def __init__(self) -> None:
        super().__init__()
        self.states: dict[tuple[bytes, str], SecondaryState] = {}
        self.transfers = TransferStats()

    def on_secondary(self, state: SecondaryState) -> None:
        self.states[state.apex, state.name] = state
        self._news.tell()

    def on_transfer_stats(self, stats: TransferStats) -> None:
        self.transfers = stats
        self._news.tell()


class TransferProcess(ChildProcess):
    """A transfer process."""

    @property
    def where(self) -> tuple[str, int]:
        """Address and port for clients on this machine."""
        return "127.0.0.1", self.port

    @property
    def journals(self) -> Path:
        """Where it keeps journals."""
        return self.folder / "state" / "transfer"

    def command(self, udp: int, tcp: int) -> list[str]:
        """Return the arguments to the interpreter, for these descriptors."""
        return command(udp, tcp, self.feed_path, self.folder / "state", OWNER, log_level="debug")


@contextlib.contextmanager
def transfer_process(folder: Path, listen: str = "127.0.0.1:0") -> Iterator[TransferProcess]:
    """Start a transfer process, and end what is left of it; it must not have met a defect of its own."""
    (sockets,) = open_sockets(listen, 1)
    running = TransferProcess(folder, sockets)
    running.start()
    try:
        yield running
        assert "Traceback" not in running.log, running.log
    finally:
        running.close()


class Primary:
    """A control process with a few zones, of which it says each change."""

    def __init__(self, feed: Feed, control: TransferControl, sources: Iterable[ZoneSource]) -> None:
        self.feed = feed
        self.control = control
        self.sources = list(sources)
        self.version = 0

    async def start(self, settings: TransferSettings) -> None:
        """Say the settings and the state, and wait until they are taken."""
        self.feed.configure(settings)
        await self.publish()

    async def publish(self, *deltas: ZoneDelta) -> None:
        """Say changes, and wait until they are served."""
        self.version += 1
        self.feed.publish(self.version, deltas)
        await self.control.until_answered(self.version)


@contextlib.asynccontextmanager
async def primary(path: Path, *sources: ZoneSource) -> AsyncIterator[Primary]:
    """Run a feed of these zones."""
    control = TransferControl()
    async with feeding(path, lambda: [source.whole() for source in sources], control) as feed:
        yield Primary(feed, control, sources)


def settings(
    *sources: ZoneSource,
    secondaries: Iterable[tuple[str, int]] = (),
    ring: KeyRing | None = None,
    allow_unsigned: Iterable[str] = (),
    leading: bool = True,
    catalog: str = "",
) -> TransferSettings:
    """Let secondaries at these addresses and ports transfer these zones with the key, others unsigned."""
    places = list(secondaries) or [("127.0.0.1", free_port())]
    transfer = Transfer(
        tuple(Secondary(f"secondary-{index}", *place, SECRET) for index, place in enumerate(places)),
        tuple(allow_unsigned),
        catalog,
    )
    return TransferSettings(
        leading,
        tuple(TransferZone(source.apex, transfer) for source in sources),
        {SECRET: ring or KeyRing(key())},
    )


def key(text: str = KEY_TEXT) -> TsigKey:
    """Return a key as the settings hold it."""
    return parse_key(text)
