"""What can go wrong with a checkpoint, in words meant for its user."""


class CheckpointError(Exception):
    """A model can't be read; `message` says what and where, `next_step` what mends it."""

    def __init__(self, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step
