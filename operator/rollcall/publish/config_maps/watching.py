"""Watches the ConfigMaps that bear our label: what others do to one is known at once.

Only their metadata is asked for. One that loses the label leaves the watch, which looks like its deletion; it
is read then, and gets the label back.
"""

from collections.abc import Callable
from typing import Never

from rollcall.model.keys import MANAGED_BY
from rollcall.watch.config_map import CONFIG_MAPS, ConfigMapVersion
from rollcall.watch.pages import Transport
from rollcall.watch.reflector import Batch, Reflector
from rollcall.watch.view import Change

from .marks import ROLLCALL


class ConfigMapWatch:
    """Calls `on_change` with each change of a ConfigMap that bears our label, our own writes among them.

    `client` gives objects reduced to their metadata; an empty `namespace` stands for all of them.
    `reflectors` are for metrics: the one that there is while it runs.
    """

    def __init__(
        self, client: Transport, namespace: str, on_change: Callable[[Change[ConfigMapVersion]], None]
    ) -> None:
        self.reflectors: tuple[Reflector[ConfigMapVersion], ...] = ()
        self._reflector: Reflector[ConfigMapVersion] = Reflector(
            client,
            CONFIG_MAPS,
            self._on_batch,
            namespace=namespace or None,
            label_selector=f"{MANAGED_BY}={ROLLCALL}",
        )
        self._on_change = on_change

    async def run(self) -> Never:
        """Watch until cancelled. It can be run again: what was missed is told then."""
        self.reflectors = (self._reflector,)
        try:
            await self._reflector.run()
        finally:
            self.reflectors = ()

    def _on_batch(self, batch: Batch[ConfigMapVersion]) -> None:
        for change in batch.changes:
            self._on_change(change)
