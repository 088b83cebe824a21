"""The executor `ray`: contestants are played on the nodes of a Ray cluster, near their engines.

The cluster is the one that RAY_ADDRESS names, else one of this machine alone, which begins and ends with the
command. A cluster is trusted: whoever reaches its ports can run code there.
"""

import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from arena.contestant import Contestant
from arena.engines.base import Engine
from arena.errors import ArenaError, UsageError
from arena.executors.base import Notify
from arena.executors.placing import Node
from arena.executors.ray_venue import RayVenue

ADDRESS = "RAY_ADDRESS"
KNOCK_TIMEOUT_S = 10.0
_OBJECT_STORE_BYTES = 100_000_000
"""Of a cluster of our own; what crosses it is text, a turn at a time."""


class RayExecutor:
    """Plays on a cluster that this process is connected to."""

    def venue(self, contestant: Contestant, engine: Engine, notify: Notify) -> RayVenue:
        """Return a contestant's venue, not started. `engine` stays as it is: each replica makes its own."""
        return RayVenue(contestant, engine, notify, nodes)

    async def close(self) -> None:
        """Do nothing: venues share nothing but the connection."""


@contextmanager
def connected() -> Iterator[RayExecutor]:
    """Connect to the cluster, or start one on this machine, for as long as the context lasts.

    It must be entered before a program sets its own handler of SIGTERM, which Ray replaces. Raises
    `UsageError` where the package ray is missing, `ArenaError` where there is no cluster at the address.
    """
    if find_spec("ray") is None:
        raise UsageError("--executor ray needs the package ray", "pip install 'arena[ray]'")
    # asked for before Ray is imported: nothing is reported to its makers, and GPUs stay visible as they are
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
    import ray

    address = os.environ.get(ADDRESS, "").strip()
    own = {"include_dashboard": False, "object_store_memory": _OBJECT_STORE_BYTES}
    try:
        _knock(address)
        ray.init(
            address=address or "local",
            logging_level="ERROR",
            log_to_driver=False,
            **({} if address else own),
        )
    except Exception as error:
        where = f"at {ADDRESS}={address}" if address else "on this machine"
        raise ArenaError(
            f"no Ray cluster {where}: {' '.join(str(error).split())[:300]}",
            f"start one with `ray start --head`, or unset {ADDRESS} to have one started here"
            if address
            else f"start one with `ray start --head` and set {ADDRESS}",
        ) from error
    try:
        yield RayExecutor()
    finally:
        ray.shutdown()


def _knock(address: str) -> None:
    """Raise `OSError` where nobody answers at `[ray://]HOST:PORT`: Ray itself would try for minutes."""
    if match := re.fullmatch(r"(?:ray://)?(.+):([0-9]+)", address):
        socket.create_connection((match[1].strip("[]"), int(match[2])), KNOCK_TIMEOUT_S).close()


def nodes() -> list[Node]:
    """Return the nodes of the cluster that are alive."""
    import ray

    return [
        Node(
            id=each["NodeID"],
            name=each["NodeManagerHostname"] or each["NodeManagerAddress"],
            cpus=each["Resources"].get("CPU", 0.0),
            gpus=each["Resources"].get("GPU", 0.0),
        )
        for each in ray.nodes()
        if each["Alive"]
    ]
