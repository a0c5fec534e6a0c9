"""A replica as a process of its own: it leads if it may, and says so as often as it can.

Each line that it prints is what it would have done as a leader: "write EPOCH", or "not leading". The lines
come from a loop that takes no notice of being cancelled in time: as of a worker in the middle of its work.

On STAND_STILL it stops its own execution, between two turns of its event loop. SIGSTOP from outside may come
between the look at `leading` and the line, which would then be the first thing that it does when it goes on.
"""

import asyncio
import os
import signal
import sys

from rollcall.kube.client import KubeClient
from rollcall.kube.credentials import Credentials
from rollcall.leadership.elector import Elector
from rollcall.model.lease_times import LeaseTimes

TICK_SECONDS = 0.005
STAND_STILL = signal.SIGUSR1


async def _write(elector: Elector) -> None:
    was_leading = False
    while True:
        leading = elector.leading
        if leading or was_leading:
            print(f"write {elector.epoch}" if leading else "not leading", flush=True)
        was_leading = leading
        await asyncio.sleep(TICK_SECONDS)


async def _lead(_: int) -> None:
    await asyncio.Event().wait()


async def _run(kubeconfig: str, namespace: str, identity: str) -> None:
    async with KubeClient(Credentials(kubeconfig)) as client:
        elector = Elector(
            client,
            namespace,
            "rollcall",
            identity,
            _lead,
            LeaseTimes(6.0, 5.0, 0.2),
        )
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_signal_handler(STAND_STILL, os.kill, os.getpid(), signal.SIGSTOP)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(elector.run()), group.create_task(_write(elector))]
            await stop.wait()
            for task in tasks:
                task.cancel()


if __name__ == "__main__":
    asyncio.run(_run(*sys.argv[1:]))
