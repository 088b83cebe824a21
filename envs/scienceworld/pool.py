"""Simulators kept for the next episode: starting a Java process takes a second, a reset milliseconds."""

import atexit
import os
import weakref
from collections import deque

from envs.scienceworld import jvm
from envs.scienceworld.simulator import Simulator

# deque's append and pop are atomic: episodes borrow from many threads, and finalizers give back from any
_idle: deque[Simulator] = deque()
_all: "weakref.WeakSet[Simulator]" = weakref.WeakSet()
_inherited: list[Simulator] = []


def borrow() -> Simulator:
    """Return a simulator for one user: an idle one that answers, or one in a new Java process.

    Raises `MissingPackage`, or `EnvironmentCrashed` where none can be started.
    """
    while True:
        try:
            simulator = _idle.pop()
        except IndexError:
            break
        if simulator.jvm.healthy():
            return simulator
        simulator.jvm.kill()
    simulator = Simulator(jvm.start())
    _all.add(simulator)
    return simulator


def give_back(simulator: Simulator) -> None:
    """Keep a simulator for the next borrower; one whose process has died is forgotten."""
    if simulator.jvm.alive():
        _idle.append(simulator)
    else:
        simulator.jvm.kill()


def close() -> None:
    """End all Java processes, idle or not."""
    _idle.clear()
    for simulator in list(_all):
        simulator.jvm.kill()


def _leave_to_parent() -> None:
    # a forked child must neither use its parent's connections nor close them by collecting them
    _inherited.extend(_all)
    _idle.clear()


atexit.register(close)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_leave_to_parent)
