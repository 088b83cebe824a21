"""What can go wrong with a benchmark, in words meant for its user."""


class EnvsError(Exception):
    """A benchmark can't do what was asked; `message` says what and where, `next_step` what mends it.

    `exit_code` is 2 for what was asked wrongly and 1 for what failed.
    """

    exit_code = 1

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class UnknownTask(EnvsError):
    """No benchmark, or no task of it, has this name."""

    exit_code = 2


class MissingPackage(EnvsError):
    """The benchmark needs a package (or a program) that is not installed."""


class MissingData(EnvsError):
    """Official mode was asked for and the official data are not on this machine."""


class BadData(EnvsError):
    """A data file can't be read; the message names the file and, where known, the line."""


class EnvironmentCrashed(EnvsError):
    """The simulator died or hung; the episode is an infrastructure error, not a score."""
