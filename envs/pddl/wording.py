"""What facts, actions and rules read like: the TOML files in `wording/`, one a domain, and `common.toml`.

Templates belong to one domain. AgentBoard keeps those of all domains in one table, in which later entries
overwrite earlier ones of the same name; that is not repeated here.
"""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from envs.pddl.domain import domain
from envs.pddl.parsing import Atom


@dataclass(frozen=True)
class Wording:
    """The words of one domain. `sees`: what an observation tells, everything or what has become true.

    `compact`: the words of its compact form, where it has one.
    """

    sees: Literal["everything", "news"]
    rules: str
    facts: Mapping[str, str]
    actions: Mapping[str, Mapping[str, str]]
    example: Mapping[str, Any]
    parameters: Mapping[str, Sequence[str]]
    compact: Mapping[str, str] | None

    def fact(self, atom: Atom) -> str:
        """Return the sentence that says a fact; objects are written as they are to be named in actions."""
        return self.facts[atom[0]].format(*atom[1:])

    def action(self, operator: str, arguments: Iterable[str]) -> str:
        """Return an action's text, from which `reading` finds the same operator and arguments."""
        named = dict(zip(self.parameters[operator], arguments, strict=True))
        return self.actions[operator]["text"].format(**named)

    def goal(self, atoms: Iterable[Atom]) -> str:
        """Return a goal in words."""
        return common()["goal"].format(conditions=" ".join(sorted(map(self.fact, atoms))))

    @property
    def extras(self) -> tuple[str, ...]:
        """The actions that only look: the names of their sections in `common.toml`."""
        return ("check_valid_actions", "look_around") if self.sees == "news" else ("check_valid_actions",)

    def instructions(self) -> str:
        """Return the rules of the domain and its actions, a line each."""
        lines = [
            (self.action(name, (f"<{each}>" for each in self.parameters[name])), words["description"])
            for name, words in self.actions.items()
        ] + [(common()[name]["text"], common()[name]["description"]) for name in self.extras]
        actions = "\n".join(common()["action_line"].format(text=t, description=d) for t, d in lines)
        return common()["instructions"].format(rules=self.rules.strip(), actions=actions).strip()


@cache
def wording(domain_name: str) -> Wording:
    """Return the words of a domain."""
    words = _read(domain_name)
    operators = domain(domain_name).operators
    return Wording(
        sees=words["sees"],
        rules=words["rules"],
        facts=words["facts"],
        actions={name: words["actions"][name] for name in operators},
        example=words["example"],
        parameters={name: [each.name for each in of.parameters] for name, of in operators.items()},
        compact=words.get("compact"),
    )


@cache
def common() -> dict[str, Any]:
    """Return the words that all domains share."""
    return _read("common")


def _read(name: str) -> dict[str, Any]:
    return tomllib.loads(files("envs.pddl").joinpath(f"wording/{name}.toml").read_text("utf-8"))
