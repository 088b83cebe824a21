"""The screens' data tables: which keys there are, and what failures are called (`words.toml`).

`keys.toml` holds the match screen's keys, `keys/NAME.toml` those of the screen NAME, and `keys/app.toml` the
keys that hold on every screen.
"""

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from textual.binding import Binding, BindingType

from arena.protocol.base import FailureKind

Mode = Literal["play", "watch"]
ScreenName = Literal[
    "app",
    "match",
    "matches",
    "home",
    "results",
    "inside",
    "episodes",
    "log",
    "debug",
    "turn",
    "divergence",
    "again",
]

_KEY_NAMES = {
    "left": "←",
    "right": "→",
    "shift+tab": "shift tab",
    "shift+left": "shift ←",
    "shift+right": "shift →",
    "ctrl+f": "^f",
    "comma": ",",
    "full_stop": ".",
    "ctrl+c": "^c",
    "ctrl+l": "^l",
    "ctrl+o": "^o",
    "ctrl+p": "^p",
    "ctrl+s": "^s",
    "escape": "esc",
}


@dataclass(frozen=True)
class Key:
    """One action of a screen: its keys (the first is shown), and what it does in words."""

    action: str
    keys: tuple[str, ...]
    label: str
    help: str
    group: str
    footer: bool = False
    shared_label: str = ""
    numbered: bool = False
    only: Mode | None = None

    @property
    def shown_keys(self) -> str:
        """The keys as a person reads them."""
        if self.numbered:
            return f"{self.keys[0]}-{self.keys[-1]}"
        return " ".join(_KEY_NAMES.get(key, key) for key in self.keys)

    def bindings(self) -> list[Binding]:
        """Return the Textual bindings."""
        if self.numbered:
            return [
                Binding(key, f"{self.action}({i})", show=False) for i, key in enumerate(self.keys, start=1)
            ]
        group = Binding.Group(self.shared_label, compact=True) if self.shared_label else None
        shown = _KEY_NAMES.get(self.keys[0], self.keys[0])
        keys = ",".join("comma" if key == "," else key for key in self.keys)  # bindings are split at commas
        return [
            Binding(
                keys,
                self.action,
                self.label,
                self.footer,
                shown,
                tooltip=self.help,
                id=self.action,
                group=group,
            )
        ]


@cache
def keys(screen: ScreenName = "match") -> tuple[Key, ...]:
    """Return every key of a screen, in the order in which they are shown."""
    table = _table("keys" if screen == "match" else f"keys/{screen}")
    return tuple(Key(**{**entry, "keys": tuple(entry["keys"])}) for entry in table["key"])


def bindings(screen: ScreenName) -> list[BindingType]:
    """Return the Textual bindings of all keys of a screen."""
    return [binding for key in keys(screen) for binding in key.bindings()]


@cache
def failure_words() -> dict[FailureKind, str]:
    """Return what each kind of failure is called on screen."""
    return {FailureKind(kind): words for kind, words in _table("words")["failure"].items()}


def _table(name: str) -> dict[str, Any]:
    return tomllib.loads(files("tui").joinpath(f"{name}.toml").read_text(encoding="utf-8"))
