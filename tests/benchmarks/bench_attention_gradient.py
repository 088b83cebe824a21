"""Why the bundled agent learns with attention in float32: forward and gradient beside bfloat16, in one run.

    python tests/benchmarks/bench_attention_gradient.py

Batches are as long as those of training: about 3,000 tokens with 4 heads of 64.
"""

import time

import torch
from torch.nn.functional import scaled_dot_product_attention

ROUNDS = 7
SHAPES = ((20, 150), (8, 380), (3, 1000))


def seconds(lessons: int, tokens: int, dtype: torch.dtype) -> float:
    """Return the fastest time of one forward and backward."""
    shape = (lessons, 4, tokens, 64)
    given = [torch.randn(shape, dtype=dtype, requires_grad=True) for _ in range(3)]
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        scaled_dot_product_attention(*given, is_causal=True).sum().backward()
        times.append(time.perf_counter() - began)
    return min(times)


def main() -> None:
    print("lessons x tokens, bfloat16 ms, float32 ms, ratio")
    for lessons, tokens in SHAPES:
        half, single = (seconds(lessons, tokens, dtype) for dtype in (torch.bfloat16, torch.float32))
        print(f"{lessons:4} x {tokens:5} {1000 * half:8.1f} {1000 * single:8.1f} {half / single:8.2f}")


if __name__ == "__main__":
    main()
