"""What `arena play` plays: a task, a benchmark, a subset or a suite, as a suite."""

from arena.errors import UsageError
from arena.suite import Suite, SuiteSettings, TaskGroup, load_suite, suite_names
from envs import registry

MAX_TOKENS = 60


def suite_of(what: str, protocol: str) -> Suite:
    """Return the suite that `what` means: a task id, `benchmark`, `benchmark/subset`, a suite's name or file.

    Raises `UsageError` or `envs.errors.UnknownTask` where it means nothing.
    """
    if protocol not in ("text", "json"):
        raise UsageError(f"protocol {protocol!r} is not one of text, json")
    if what in suite_names() or what.endswith(".toml"):
        return load_suite(what)
    benchmark, _, rest = what.partition("/")
    subsets = {task.subset for task in registry.tasks(registry.benchmark(benchmark).name)}
    if not rest:
        group = TaskGroup(benchmark=benchmark)
    elif rest in subsets:
        group = TaskGroup(benchmark=benchmark, subset=rest)
    else:
        group = TaskGroup(benchmark=benchmark, ids=(registry.find_task(what).id,))
    settings = SuiteSettings(protocol=protocol, max_tokens=MAX_TOKENS)
    return Suite(name="play", description=what, settings=settings, tasks=(group,))
