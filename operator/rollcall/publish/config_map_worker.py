"""Brings the ConfigMaps of one DiscoveryFile up to date, and keeps them so."""

import asyncio
import logging
from collections.abc import Callable
from http import HTTPStatus
from random import SystemRandom
from typing import Any, Protocol

import msgspec

from rollcall.model import DiscoveryFile, Key, Problem

from . import config_map
from .config_map import Seen, Wanted, published_serial
from .file_store import FileStore, UnknownFile
from .files import FORMATS, CannotRender, LeftOut, Rendering, empty_part
from .files.split import size_of

log = logging.getLogger(__name__)

COALESCE_SECONDS = 0.5
READ_BACK_SECONDS = 300.0
REQUEST_SECONDS = 30.0
FIRST_RETRY_SECONDS = 1.0
LAST_RETRY_SECONDS = 30.0
CONFLICTS = 3
"""So often in a row a ConfigMap is read again because someone else wrote it, before the worker backs off."""

_CHANGED_MEANWHILE = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
_uniform = SystemRandom().uniform


class ConfigMapApi(Protocol):
    """What is needed of a client of the API server.

    An error that the API server answered with has its HTTP status in an attribute `status`; after any other
    the outcome of a write is unknown.
    """

    async def get(self, path: str) -> Any:
        """Read an object."""

    async def create(self, path: str, body: object) -> Any:
        """POST an object to its collection; return it as it then is."""

    async def replace(self, path: str, body: object) -> Any:
        """PUT an object that bears its resourceVersion; return it as it then is."""


class FileReport(msgspec.Struct, frozen=True):
    """What there is to say in the status of a DiscoveryFile.

    What stands in the ConfigMaps: services, instances, bytes, names, keys, digest, serial; all empty before
    the first success. `digest` is the SHA-256 of the whole, as the ETag over HTTP. `generation` is that of
    the spec which this report is about, and `problem` says why the ConfigMaps don't follow it. `written_at`
    is the time (Unix seconds) of our last write, None if this process had nothing to write.
    """

    generation: int
    services: int = 0
    instances: int = 0
    bytes: int = 0
    config_maps: tuple[str, ...] = ()
    keys: tuple[str, ...] = ()
    digest: str = ""
    serial: int | None = None
    written_at: float | None = None
    left_out: tuple[LeftOut, ...] = ()
    problem: Problem | None = None


Report = Callable[[Key, FileReport], None]


class _Refused(Exception):
    """A write that we don't even try."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class Worker:
    """Publishes one file."""

    def __init__(
        self,
        key: Key,
        api: ConfigMapApi,
        store: FileStore,
        report: Report,
        has_released: Callable[[Key, str], bool],
        unix_time: Callable[[], float],
    ) -> None:
        self.changed = asyncio.Event()
        self._key = key
        self._api = api
        self._store = store
        self._report = report
        self._has_released = has_released
        self._unix_time = unix_time
        self._seen: dict[str, Seen | None] = {}
        self._last = FileReport(generation=0)
        self._failures = 0

    async def run(self) -> None:
        """Follow the file until cancelled."""
        while True:
            await asyncio.sleep(COALESCE_SECONDS)
            self.changed.clear()
            await self._publish()
            await self._rest()

    async def _rest(self) -> None:
        """Wait for a change, or until the ConfigMaps are to be looked at again.

        While something is wrong, only a new spec cuts the wait short: it may be the remedy, and a service
        that changes all the time isn't.
        """
        seconds = READ_BACK_SECONDS * _uniform(0.9, 1.1)
        if self._failures:
            bound = min(FIRST_RETRY_SECONDS * 2 ** (self._failures - 1), LAST_RETRY_SECONDS)
            seconds = bound * _uniform(0.5, 1.0)
        try:
            async with asyncio.timeout(seconds):
                while True:
                    await self.changed.wait()
                    file = self._store.file(self._key)
                    if not self._failures or (file and file.generation != self._last.generation):
                        return
                    self.changed.clear()
        except TimeoutError:
            self._seen.clear()

    async def _publish(self) -> None:
        file = self._store.file(self._key)
        if file is None:
            return
        try:
            report = await self._written(file)
            self._failures = 0
        except UnknownFile:
            return
        except (CannotRender, _Refused) as error:
            report = self._failed(file, error.problem)
        except Exception as error:
            # Whatever it is, it concerns this file only, and is tried again.
            self._seen.clear()
            report = self._failed(file, _problem(file, error))
            if status_of(error) is None and report != self._last:
                log.warning("DiscoveryFile %s: %r", self._key, error)
        if report != self._last:
            self._last = report
            self._report(self._key, report)

    def _failed(self, file: DiscoveryFile, problem: Problem) -> FileReport:
        self._failures += 1
        return msgspec.structs.replace(self._last, generation=file.generation, problem=problem)

    async def _written(self, file: DiscoveryFile) -> FileReport:
        """Bring the ConfigMaps up to date, also if others write them at the same time."""
        for attempt in range(1, CONFLICTS + 1):
            try:
                return await self._bring_up_to_date(file)
            except Exception as error:
                if status_of(error) not in _CHANGED_MEANWHILE or attempt == CONFLICTS:
                    raise
                self._seen.clear()
        raise AssertionError("the last attempt returns or raises")

    async def _bring_up_to_date(self, file: DiscoveryFile) -> FileReport:
        if FORMATS[file.spec.format].has_serial:
            first = await self._look(file, 1)
            published = (
                first and config_map.is_ours(first.metadata, file) and published_serial(first.metadata)
            )
            if published:
                self._store.adopt_serial(self._key, *published)
        current = await self._store.current(self._key)
        if current.file is not None and current.file != file:
            return await self._bring_up_to_date(current.file)
        if current.rendering.too_large:
            raise _Refused(current.rendering.too_large)
        wanted = config_map.wanted(file, current.rendering)
        for number in range(1, len(wanted) + 1):
            self._check(file, await self._look(file, number))
        extra = await self._no_longer_needed(file, len(wanted))
        # The first part names the others: they are there before it, and what it names no more goes after it.
        wrote = [await self._write(file, want) for want in (*wanted[1:], wanted[0], *extra)]
        return self._succeeded(file, current.rendering, wanted, wrote=any(wrote))

    async def _look(self, file: DiscoveryFile, number: int) -> Seen | None:
        """Return what is remembered of a ConfigMap; read it where nothing is."""
        name = config_map.name_of(file, number)
        if name not in self._seen:
            try:
                async with asyncio.timeout(REQUEST_SECONDS):
                    existing = await self._api.get(f"{_collection(file)}/{name}")
            except Exception as error:
                if status_of(error) != HTTPStatus.NOT_FOUND:
                    raise
                self._seen[name] = None
            else:
                self._seen[name] = config_map.seen(existing)
        return self._seen[name]

    def _check(self, file: DiscoveryFile, existing: Seen | None) -> None:
        if existing and (problem := config_map.refusal(existing.metadata, file, self._has_released)):
            raise _Refused(problem)

    async def _no_longer_needed(self, file: DiscoveryFile, needed: int) -> list[Wanted]:
        """Return what the parts of an earlier, larger rendering become: they follow one another."""
        extra: list[Wanted] = []
        while True:
            number = needed + len(extra) + 1
            existing = await self._look(file, number)
            if existing is None or not config_map.is_ours(existing.metadata, file):
                return extra
            extra.append(config_map.emptied(file, empty_part(file, number)))

    async def _write(self, file: DiscoveryFile, want: Wanted) -> bool:
        """Write a ConfigMap if it differs; return whether it did."""
        existing = self._seen[want.name]
        if existing and not config_map.differs(existing, want, file):
            return False
        body = config_map.body(existing, want, file)
        async with asyncio.timeout(REQUEST_SECONDS):
            if existing:
                written = await self._api.replace(f"{_collection(file)}/{want.name}", body)
            else:
                written = await self._api.create(_collection(file), body)
        self._seen[want.name] = config_map.seen(written)
        return True

    def _succeeded(
        self, file: DiscoveryFile, rendering: Rendering, wanted: list[Wanted], *, wrote: bool
    ) -> FileReport:
        return FileReport(
            generation=file.generation,
            services=rendering.services,
            instances=rendering.instances,
            bytes=sum(size_of(text) for want in wanted for text in want.data.values()),
            config_maps=tuple(want.name for want in wanted),
            keys=tuple(key for want in wanted for key in want.data),
            digest=rendering.sha256,
            serial=rendering.serial,
            written_at=self._unix_time() if wrote else self._last.written_at,
            left_out=rendering.left_out,
        )


def status_of(error: Exception) -> int | None:
    """Return the HTTP status with which the API server refused; None where it gave no usable answer."""
    status = getattr(error, "status", None)
    return status if isinstance(status, int) else None


def _collection(file: DiscoveryFile) -> str:
    return f"/api/v1/namespaces/{file.key.namespace}/configmaps"


def _problem(file: DiscoveryFile, error: Exception) -> Problem:
    """Say what an error of the API means for a file."""
    status = status_of(error)
    target = f"the ConfigMap {file.key.namespace}/{file.spec.config_map.name}"
    if status is None or status == HTTPStatus.TOO_MANY_REQUESTS or status >= 500:
        what = "no answer in time" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
        return Problem(
            "ApiUnreachable", f"The API server can't be asked for {target}: {what}. It is tried again."
        )
    if status == HTTPStatus.FORBIDDEN:
        return Problem(
            "Forbidden",
            f"Rollcall needs the verbs get, create and update for configmaps in {file.key.namespace}:"
            f" {error}.",
        )
    if status == HTTPStatus.CONFLICT:
        return Problem(
            "ConfigMapConflict",
            f"Somebody else keeps writing {target}: {error}. Let Rollcall alone write it.",
        )
    return Problem("ConfigMapRefused", f"The API server refuses {target}: {error}.")
