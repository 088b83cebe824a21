"""What can go wrong with a checkpoint, in words meant for its user."""


class CompressError(Exception):
    """What was asked of a model can't be done; `message` says what and where, `next_step` what mends it.

    `exit_code` is 2 for what was asked wrongly (usage) and 1 for what failed while it ran.
    """

    exit_code = 1

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step


class CheckpointError(CompressError):
    """A model can't be read, or is none that can be compressed."""


class NotInBlocksError(CheckpointError):
    """A model is not made of blocks that can be run one after another."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "Use a recipe that needs no calibration, such as rtn-w4g128.")


class RecipeError(CompressError):
    """A recipe is unknown or broken, or does not fit the model."""

    exit_code = 2


class CalibrationError(CompressError):
    """There is no text to calibrate with, or too little."""


def first_line(error: BaseException) -> str:
    """Return the beginning of what a library says went wrong, for a message of one line."""
    lines = str(error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(" .:")[:300]
