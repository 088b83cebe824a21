"""Makes `data/base.eval` and `data/worse.eval` with the real inspect_ai (0.3.285 made those that lie there).

Run it where inspect_ai is installed: `python tests/outside/make_inspect_logs.py`. Its mock model adds numbers
with a tool; the worse one calls the tool with a text and answers wrongly every other time.
"""

import shutil
import tempfile
from pathlib import Path

from inspect_ai import Task, eval  # noqa: A004
from inspect_ai.dataset import Sample
from inspect_ai.model import ModelOutput, ModelUsage, get_model
from inspect_ai.scorer import includes
from inspect_ai.solver import generate, use_tools
from inspect_ai.tool import tool

DATA = Path(__file__).parent / "data"
MODEL = "mockllm/model"


@tool
def add():
    async def execute(x: int, y: int):
        """Add two numbers.

        Args:
            x: First number.
            y: Second number.
        """
        return x + y

    return execute


def make(name: str, wrong: set[int]) -> None:
    """Write one log."""
    outputs = []
    for i in range(4):
        outputs.append(ModelOutput.for_tool_call(MODEL, "add", {"x": i, "y": "a" if i in wrong else 1}))
        outputs.append(ModelOutput.from_content(MODEL, f"The sum is {99 if i in wrong else i + 1}."))
    for output in outputs:
        output.usage = ModelUsage(input_tokens=30, output_tokens=7, total_tokens=37)
    samples = [Sample(id=f"s{i}", input=f"What is {i}+1?", target=str(i + 1)) for i in range(4)]
    task = Task(name="sums", dataset=samples, solver=[use_tools(add()), generate()], scorer=includes())
    with tempfile.TemporaryDirectory() as folder:
        eval(
            task,
            model=get_model(MODEL, custom_outputs=outputs),
            log_dir=folder,
            display="none",
            max_samples=1,
        )
        (log,) = Path(folder).glob("*.eval")
        shutil.copy(log, DATA / f"{name}.eval")


if __name__ == "__main__":
    make("base", set())
    make("worse", {1, 3})
