"""Makes `gymnasium.make("arena/PDDL-v0")` work without importing Arena first.

Gymnasium 1.0 dropped the entry points by which packages announced their environments. Arena's wheel therefore
ships a `.pth` file, which Python reads at start-up; it calls `install`, which costs next to nothing until the
program imports gymnasium, and then registers our environments right after that import.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:  # typing and importlib would slow down every start of Python
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType


class _AfterGymnasium:
    """Finds gymnasium as the other finders do, and registers our environments once it is loaded."""

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name != "gymnasium":
            return None
        sys.meta_path.remove(self)
        found = (finder.find_spec(name, path, target) for finder in sys.meta_path)
        spec = next(filter(None, found), None)
        if spec is None or spec.loader is None:
            return None
        self._loader = spec.loader
        spec.loader = self  # type: ignore[assignment]
        return spec

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # whoever looks at the module later (importlib.resources, reload) shall see its real loader
        module.__spec__.loader = module.__loader__ = self._loader  # type: ignore[union-attr]
        self._loader.exec_module(module)
        from envs.registry import register_environments

        register_environments()


def install() -> None:
    """Watch for the import of gymnasium; register at once where it is already imported."""
    if "gymnasium" in sys.modules:
        from envs.registry import register_environments

        register_environments()
    else:
        sys.meta_path.insert(0, _AfterGymnasium())
