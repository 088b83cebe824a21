"""Wanda, ours against llm-compressor's: time, peak memory, and whether the same weights go; in one run.

    python tests/benchmarks/bench_wanda.py [MODEL_FOLDER] [SAMPLES] [TOKENS] [RECIPE] [ROUNDS]

Both prune the same model by the same calibration texts, in turn, each time in a process of its own that has
pruned a tiny model before: so imports count neither as time nor as memory. The least of all rounds counts,
since other programs can only add. Ours measures no errors here,
since llm-compressor doesn't. Memory is the peak of resident memory above what it was before, files that are
mapped included (Linux only). Without a model: a random Llama of 5 million parameters, of whose memory nothing
can be told.
"""

import shutil
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

import torch
from safetensors.torch import load_file

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/toys"))

START = """
import sys, time
from pathlib import Path
import torch, transformers
from compress.calibration import bundled_calibration, tokenize
from compress.checkpoint import read_checkpoint
from compress.compressor import compress
from compress.recipe import read_recipe

def resident(line):
    status = Path("/proc/self/status").read_text()
    return int(status.partition(line + ":")[2].split()[0]) * 1024

tiny, model, name, samples, tokens, out = sys.argv[1:]
"""
OWN = """
def prune(folder, samples, tokens, out):
    recipe = read_recipe(name, {"samples": str(samples), "tokens": str(tokens)})
    compress(Path(folder), recipe, Path(out), measured=False)
"""
THEIRS = """
from llmcompressor import oneshot
from llmcompressor.modifiers.pruning import WandaPruningModifier
from loguru import logger
from torch.utils.data import DataLoader
logger.disable("llmcompressor")

def prune(folder, samples, tokens, out):
    checkpoint = read_checkpoint(Path(folder))
    texts = tokenize(checkpoint, bundled_calibration(), samples, tokens).calibration
    net = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=checkpoint.dtype)
    wanda = WandaPruningModifier(
        sparsity=0.5,
        mask_structure="2:4" if "2:4" in name else "0:0",
        targets=["Linear"],
        ignore=["lm_head"],
    )
    data = DataLoader([{"input_ids": text} for text in texts], batch_size=4)
    oneshot(model=net, dataset=data, recipe=[wanda], output_dir=out)
"""
END = """
prune(tiny, 4, 32, out + "-tiny")
Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
before, cpu, start = resident("VmRSS"), time.process_time(), time.perf_counter()
prune(model, int(samples), int(tokens), out)
print(time.perf_counter() - start, time.process_time() - cpu, resident("VmHWM") - before)
"""


def measure(how: str, *arguments: object) -> tuple[float, float, int]:
    """Prune by one of the two programs; returns seconds, CPU seconds and bytes of memory."""
    done = subprocess.run(
        [sys.executable, "-c", START + how + END, *map(str, arguments)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    seconds, cpu, memory = done.stdout.split()[-3:]
    return float(seconds), float(cpu), int(memory)


def agreement(ours: Path, theirs: Path) -> tuple[float, float]:
    """Return for which share of weights both say the same (gone or kept), and ours' share of zeros."""
    first, second = load_file(ours / "model.safetensors"), load_file(theirs / "model.safetensors")
    pruned = [name for name in first if name.endswith("proj.weight")]
    same = sum(int(((first[name] == 0) == (second[name] == 0)).sum()) for name in pruned)
    zeros = sum(int((first[name] == 0).sum()) for name in pruned)
    everything = sum(torch.numel(first[name]) for name in pruned)
    return same / everything, zeros / everything


def main() -> None:
    """Print what each took, and ours as a share of theirs."""
    if find_spec("llmcompressor") is None:
        print("llm-compressor is not installed: no comparison")
        return
    import tiny_models

    with tempfile.TemporaryDirectory() as work:
        given = sys.argv[1:] + ["", "32", "256", "wanda-50", "3"][len(sys.argv) - 1 :]
        tiny = tiny_models.save_tiny(Path(work) / "tiny")
        model = Path(given[0]) if given[0] else random_model(Path(work) / "model")
        _, samples, tokens, name, rounds = given
        size = sum(file.stat().st_size for file in model.glob("*.safetensors"))
        print(f"{name} of {model.name}, {size / 1e6:.1f} MB; {samples} x {tokens} tokens")
        print(f"{'':15} {'s':>8} {'CPU s':>8} {'peak memory / model':>20}")
        programs = {"ours": OWN, "llm-compressor": THEIRS}
        took: dict[str, list[tuple[float, float, int]]] = {who: [] for who in programs}
        for _ in range(int(rounds)):
            for who, how in programs.items():
                shutil.rmtree(f"{work}/{who}", ignore_errors=True)
                shutil.rmtree(f"{work}/{who}-tiny", ignore_errors=True)
                took[who].append(measure(how, tiny, model, name, samples, tokens, f"{work}/{who}"))
                seconds, cpu, memory = took[who][-1]
                print(f"{who:15} {seconds:8.1f} {cpu:8.1f} {memory / size:20.2f}", flush=True)
        ours, theirs = (list(map(min, zip(*each, strict=True))) for each in took.values())
        ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
        print(f"{'ours / theirs':15} {ratios[0]:8.2f} {ratios[1]:8.2f} {ratios[2]:20.2f}")
        same, zeros = agreement(Path(work) / "ours", Path(work) / "llm-compressor")
        print(f"the same fate for {same:.3%} of the weights, of which {zeros:.1%} are gone")


def random_model(folder: Path) -> Path:
    """Write a random Llama of 5 million parameters."""
    import tiny_models

    return tiny_models.save_tiny(
        folder,
        vocab_size=1024,
        hidden_size=256,
        num_hidden_layers=6,
        intermediate_size=768,
        num_key_value_heads=4,
        initializer_range=0.02,
    )


if __name__ == "__main__":
    main()
