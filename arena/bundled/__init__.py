"""The agent that ships with Arena: its weights, how they were made, and the lessons that it learned from.

`model/` is a plain Hugging Face folder with the model card as its README. `teachers` play small PDDL problems
by rule, `lessons` turns played episodes into conversations, `tokenizer` learns the tokens, `batches` packs
lessons for training, `train` is `python -m arena.bundled.train`.
"""

from importlib.resources import files
from pathlib import Path

BUNDLED = "bundled"
"""What the model is called where others have a path."""


def model_folder() -> Path:
    """Return the folder of the bundled model."""
    return Path(str(files("arena.bundled").joinpath("model")))
