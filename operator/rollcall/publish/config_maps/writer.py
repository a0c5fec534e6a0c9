"""Brings the ConfigMaps of one DiscoveryFile up to date.

What is equal is not written, and each write is guarded with the resourceVersion of what was read.
"""

from collections.abc import Callable
from contextlib import suppress

from rollcall.kube.backoff import CONFLICTS
from rollcall.kube.errors import AlreadyExists, Conflict, NotFound
from rollcall.model import DiscoveryFile, Key
from rollcall.publish.file_store import FileStore, UnknownFile
from rollcall.publish.files import CannotRender, Rendering, empty_part, format_of, size_of
from rollcall.watch.config_map import ConfigMapVersion
from rollcall.watch.view import Change

from .existing import ConfigMapApi, ExistingConfigMap, ExistingConfigMaps
from .marks import TAKEN, is_marked, is_ours, owners, published_serial, refusal
from .owner import is_gone
from .report import FileReport, Refused, gone
from .wanted import WantedConfigMap, emptied, name_of, wanted


class FileWriter:
    """Writes the ConfigMaps of one file, and remembers what they hold.

    `file` is the spec that was last tried, `report` the last word about it, and `read_back_at` (loop time)
    when what is remembered is too old to go by.
    """

    def __init__(
        self,
        file: DiscoveryFile,
        api: ConfigMapApi,
        store: FileStore,
        has_released: Callable[[Key, str], bool],
        unix_time: Callable[[], float],
        on_asked: Callable[[str], None],
    ) -> None:
        self.file = file
        self.report = FileReport(generation=0)
        self.read_back_at = 0.0
        self._api = api
        self._store = store
        self._has_released = has_released
        self._unix_time = unix_time
        self._existing = ExistingConfigMaps(api, file.key.namespace, on_asked)
        self._kept: dict[str, str] = {}  # ConfigMap: its uid, by which it stays ours without its marks

    def forget(self) -> None:
        """Have everything read anew, so that what others changed is found."""
        self._existing.forget()

    def note(self, change: Change[ConfigMapVersion]) -> FileReport | None:
        """Note what happened to a ConfigMap; return what there is to report then, None where it is no news.

        While one of its ConfigMaps isn't there, nothing of the file stands.
        """
        if not self._existing.note(change):
            return None
        if change.new is None and change.key.name in self.report.config_maps:
            return FileReport(self.report.generation, problem=gone(change.key))
        return self.report

    async def write(self) -> FileReport:
        """Bring the ConfigMaps up to date, also if others write them at the same time.

        Raises:
            UnknownFile: the file is gone.
            Refused: the user has to change something.
            KubeError: of the API server.
        """
        for _ in range(CONFLICTS - 1):
            with suppress(AlreadyExists, Conflict, NotFound):
                report = await self._bring_up_to_date()
                if self._existing.knows(report.config_maps):
                    return report
            self.forget()
        return await self._bring_up_to_date()

    async def _bring_up_to_date(self) -> FileReport:
        rendering = await self._render()
        if rendering.too_large:
            raise Refused(rendering.too_large)
        needed = wanted(self.file, rendering)
        for want in needed:
            await self._check(await self._existing.read(want.name))
        extra = await self._no_longer_needed(len(needed))
        # The first part names the others: they are there before it, and go after it when it no longer does.
        in_order = (*needed[1:], needed[0], *extra)
        wrote = [await self._write(want) for want in in_order]
        self._kept = {want.name: self._kept[want.name] for want in in_order}
        return self._succeeded(rendering, needed, wrote=any(wrote))

    async def _render(self) -> Rendering:
        """Return the rendering of the latest spec, with a serial that follows the published one."""
        while True:
            file = self._store.file(self.file.key)
            if file is None:
                raise UnknownFile(str(self.file.key))
            self.file = file
            try:
                if format_of(file.spec).has_serial:
                    await self._adopt_serial()
                current = await self._store.current(file.key)
            except CannotRender as error:
                raise Refused(error.problem) from error
            if current.file == file:
                return current.rendering

    async def _adopt_serial(self) -> None:
        first = await self._existing.read(name_of(self.file, 1))
        if first and self._is_ours(first) and (published := published_serial(first.metadata)):
            self._store.adopt_serial(self.file.key, *published)

    async def _check(self, existing: ExistingConfigMap | None) -> None:
        """Raise Refused where a ConfigMap is not ours, and not that of a DiscoveryFile that has gone."""
        problem = refusal(existing.metadata, self.file, self._has_released) if existing else None
        if existing is None or problem is None or self._is_stripped(existing):
            return
        if problem.reason != TAKEN:
            raise Refused(problem)
        for owner in owners(existing.metadata, self.file):
            is_neighbour = owner.namespace == self.file.key.namespace
            if not (is_neighbour and await is_gone(self._api, owner)):
                raise Refused(problem)

    async def _no_longer_needed(self, needed: int) -> list[WantedConfigMap]:
        """Return what the parts of an earlier, larger rendering become: they follow one another."""
        extra: list[WantedConfigMap] = []
        while True:
            number = needed + len(extra) + 1
            existing = await self._existing.read(name_of(self.file, number))
            if existing is None or not self._is_ours(existing):
                return extra
            extra.append(emptied(self.file, empty_part(self.file, number)))

    async def _write(self, want: WantedConfigMap) -> bool:
        """Write a ConfigMap if it differs; return whether it did."""
        existing = await self._existing.read(want.name)
        body = want.body(existing)
        if body is not None:
            existing = await self._existing.write(want.name, body)
        assert existing is not None, "what isn't there is written"
        self._kept[want.name] = existing.uid
        return body is not None

    def _is_ours(self, existing: ExistingConfigMap) -> bool:
        return is_ours(existing.metadata, self.file) or self._is_stripped(existing)

    def _is_stripped(self, existing: ExistingConfigMap) -> bool:
        """Whether a ConfigMap is the one that we wrote, and somebody has taken all of our marks off it."""
        is_kept = self._kept.get(existing.metadata["name"]) == existing.uid
        return is_kept and not is_marked(existing.metadata)

    def _succeeded(self, rendering: Rendering, needed: list[WantedConfigMap], *, wrote: bool) -> FileReport:
        parts = [part for want in needed for part in want.parts]
        return FileReport(
            generation=self.file.generation,
            services=rendering.services,
            instances=rendering.instances,
            bytes=sum(size_of(part.text) for part in parts),
            config_maps=tuple(want.name for want in needed),
            keys=tuple(part.key for part in parts),
            digest=rendering.sha256,
            serial=rendering.serial,
            written_at=self._unix_time() if wrote else self.report.written_at,
            left_out=rendering.left_out,
        )
