"""What the toolkits of all subsets share: how a tool is called, and the two ways in which it can fail."""

from collections.abc import Mapping
from typing import Any, ClassVar

from envs.tools.schema import signatures


class Refused(Exception):
    """A tool understood the call and won't do it; the message is its result.

    AgentBoard's tools return such failures as ordinary results, so they count as grounded.
    """


class ToolError(Exception):
    """The call itself is wrong: no such tool, no such argument, a value that makes no sense."""


class Toolkit:
    """The tools of one subset, with the state of one episode.

    A subclass has a method for each published tool, with the published argument names.
    """

    subset: ClassVar[str]

    def call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        """Call a tool and return its result. Raises `Refused` or `ToolError`, whatever the arguments are.

        Arguments that the tool does not know are ignored, as AgentBoard ignores them.
        """
        signature = signatures(self.subset).get(name)
        if signature is None:
            raise ToolError(f"Invalid action: {name[:100]}.")
        missing = [argument for argument in signature.required if argument not in arguments]
        if missing:
            raise ToolError(f"Missing argument: {', '.join(missing)}.")
        known = {key: value for key, value in arguments.items() if key in signature.arguments}
        try:
            return getattr(self, name)(**known)
        except (ArithmeticError, LookupError, TypeError, ValueError, RecursionError) as error:
            # AgentBoard answers so to whatever its tools raise on odd arguments
            raise ToolError(f"{type(error).__name__}: {error}"[:300]) from error

    def check_valid_actions(self) -> list[str]:
        """List the names of the tools."""
        return list(signatures(self.subset))

    def finish(self, answer: Any) -> Any:
        """Return the answer, a list in sorted order: lists are compared as sets are."""
        return sorted(answer) if isinstance(answer, list) else answer

    def comparable(self, result: Any) -> Any:
        """Return what of a result counts when it is compared with an expected one."""
        return result
