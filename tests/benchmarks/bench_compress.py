"""Compressing by Arena's own methods: how long, how much memory, how large the result, in one run.

    python tests/benchmarks/bench_compress.py [MODEL_FOLDER] [SAMPLES] [TOKENS]

Without a model: a random Llama of 5 million parameters. Seconds are of this machine; what counts are the
ratios. bench_wanda.py sets Wanda beside llm-compressor's.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
sys.path.append(str(ROOT / "tests/toys"))

OWN = """
import resource, sys, time, torch, transformers
from pathlib import Path
from compress.compressor import compress
from compress.recipe import read_recipe
model, name, samples, tokens, out = sys.argv[1:]
calibrated = {"samples": samples, "tokens": tokens} if name.startswith("wanda") else {}
from compress.calibration import bundled_calibration
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
cpu, start = time.process_time(), time.perf_counter()
card = compress(Path(model), read_recipe(name, calibrated), Path(out))
print(time.perf_counter() - start, time.process_time() - cpu,
      (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024, card.size_bytes)
"""


def measure(program: str, *arguments: object) -> tuple[float, float, int, int]:
    """Run a program by itself; returns seconds, CPU seconds, bytes of memory above imports, size."""
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    wall, cpu, memory, size = done.stdout.split()[-4:]
    return float(wall), float(cpu), int(memory), int(size)


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


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as work:
        model = Path(sys.argv[1]) if len(sys.argv) > 1 else random_model(Path(work) / "model")
        samples, tokens = sys.argv[2:4] if len(sys.argv) > 3 else ("32", "256")
        base = sum(file.stat().st_size for file in model.glob("*.safetensors"))
        print(f"{model.name}: {base / 1e6:.1f} MB; calibration {samples} x {tokens} tokens")
        print(f"{'recipe':32} {'s':>8} {'CPU s':>8} {'peak memory / model':>20} {'size / model':>13}")
        names = ["rtn-w4g128", "rtn-w3g128", "fp8", "magnitude-50", "magnitude-2:4", "wanda-50", "wanda-2:4"]
        for name in names:
            show(name, measure(OWN, model, name, samples, tokens, f"{work}/{name}"), base)


def show(name: str, result: tuple[float, float, int, int], base: int) -> None:
    """Print a row of the table."""
    wall, cpu, memory, size = result
    print(f"{name:32} {wall:8.1f} {cpu:8.1f} {memory / base:20.2f} {size / base:13.2f}", flush=True)


if __name__ == "__main__":
    main()
