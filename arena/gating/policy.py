"""What a gate demands, from a policy file in TOML."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from arena.engines.options import nearest
from arena.errors import UsageError

MAX_DROP = 3.0


class Policy(BaseModel):
    """How much a contestant may lose, in points of 100, and where.

    `critical` benchmarks decide (default: all that are not advisory; where some are named, all others are
    advisory); a critical benchmark that was not played is inconclusive. `advisory` ones only warn.
    `max_drop_of` gives a benchmark a drop of its own. `measure` is what may not drop. `overall`, the mean
    over benchmarks, can be named like a benchmark.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_drop: float = Field(MAX_DROP, gt=0, lt=100)
    measure: Literal["progress", "success"] = "progress"
    critical: tuple[str, ...] = ()
    advisory: tuple[str, ...] = ()
    max_drop_of: dict[str, float] = Field(default_factory=dict)

    def is_critical(self, benchmark: str) -> bool:
        """Tell whether a benchmark decides."""
        return benchmark in self.critical if self.critical else benchmark not in self.advisory

    def drop_of(self, benchmark: str) -> float:
        """Return the allowed drop of a benchmark, as a rate in 0..1."""
        return self.max_drop_of.get(benchmark, self.max_drop) / 100


def load_policy(path: Path) -> Policy:
    """Read a policy file. Raises `UsageError` that names the key which is wrong."""
    try:
        policy = Policy.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise UsageError(f"{path} can't be read as a policy: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise UsageError(
                f"{path}: unknown key {key}", nearest(key, Policy.model_fields, "keys")
            ) from None
        raise UsageError(f"{path}, key {key}: {first['msg']}") from None
    except (ValueError, RecursionError) as error:
        raise UsageError(f"{path} can't be read as a policy: {error}") from None
    for benchmark, drop in policy.max_drop_of.items():
        if not 0 < drop < 100:
            raise UsageError(f"{path}, key max_drop_of.{benchmark}: a drop is above 0 and below 100 points")
    if both := {*policy.critical} & {*policy.advisory}:
        raise UsageError(f"{path}: {', '.join(sorted(both))} can't be critical and advisory")
    return policy
