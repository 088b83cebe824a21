"""What an analysis costs: tokens a second and peak memory, for a text and for one twice as long.

Run it: `python tests/benchmarks/bench_analysis.py [TOKENS]` (default 65536: 128 sequences of 512). The model
is a random Llama of 5 million parameters, 256 wide, 6 layers, 768 tokens, beside a copy of itself with
weights rounded. Each text is read by a process of its own, whose peak is what the system counted. The forward
passes alone are timed too: the ratio is what metrics add.
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "toys"))
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")


def make(folder: Path) -> None:
    """Write the two models and a text that is long enough."""
    import torch
    from tiny_models import byte_tokenizer, tiny_model

    model = tiny_model(
        vocab_size=768,
        hidden_size=256,
        intermediate_size=768,
        num_hidden_layers=6,
        num_attention_heads=8,
        num_key_value_heads=4,
        initializer_range=0.05,
    )
    for name in ("base", "rounded"):
        model.save_pretrained(folder / name)
        byte_tokenizer().save_pretrained(folder / name)
        with torch.no_grad():
            for weight in model.model.layers.parameters():
                weight.copy_((weight / 0.02).round() * 0.02)


def read(folder: Path, tokens: int) -> None:
    """Analyse a text of so many tokens (bytes), and print what it took."""
    from arena.analyzing.models import candidates, open_model
    from arena.analyzing.passages import text_windows
    from arena.analyzing.reading import DEFAULT_KS, read_pair

    file = folder / f"text-{tokens}.txt"
    line = "The robot picks up ball 3 and walks to room 7, where it puts it down.\n"
    file.write_text(line * (tokens // len(line) + 1))
    pair = [open_model(candidate) for candidate in candidates([str(folder / n) for n in ("base", "rounded")])]
    windows = list(text_windows(file, pair[0].loaded.tokenizer, 512, tokens))
    read_pair(*pair, windows[:8], DEFAULT_KS, lambda _: None)  # starts torch's threads
    before = time.perf_counter()
    tally = read_pair(*pair, windows, DEFAULT_KS, lambda _: None)
    between = time.perf_counter()
    forward_passes(pair, windows)
    after = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{tally.tokens:10,}{tally.tokens / (between - before):12,.0f}"
        f"{(between - before) / (after - between):22.2f}{peak:14,.0f}",
        flush=True,
    )


def forward_passes(pair: list, windows: list) -> None:
    """Run both models over the windows and look at nothing."""
    import numpy as np
    import torch

    from arena.analyzing.forward import batch_tokens, read_together
    from arena.analyzing.passages import batches

    for batch in batches(iter(windows), batch_tokens(pair[0].vocabulary)):
        tokens = torch.from_numpy(np.stack([each.tokens for each in batch]))
        for _ in read_together(pair, tokens, 0):
            pass


def main() -> None:
    """Print a table, one process a row."""
    if len(sys.argv) > 2:
        read(Path(sys.argv[1]), int(sys.argv[2]))
        return
    tokens = int(sys.argv[1]) if len(sys.argv) > 1 else 65_536
    print(f"{'tokens':>10}{'tokens/s':>12}{'time / forward alone':>22}{'peak MiB':>14}", flush=True)
    with tempfile.TemporaryDirectory() as name:
        make(Path(name))
        for size in (tokens, 2 * tokens):
            subprocess.run([sys.executable, __file__, name, str(size)], check=True)


if __name__ == "__main__":
    main()
