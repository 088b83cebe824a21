"""How fast the engine `hf:` writes with a model as small as the bundled one, and how fast it could be.

    python tests/benchmarks/bench_bundled_engine.py [FOLDER] [DTYPE]

Episodes are played through the engine's contract as agents play them: a prompt of some 150 tokens, replies of
15 to 25, a short observation behind each, the key/value cache kept between turns. Beside it, in the same run:
`generate` of transformers on the same prompts as one padded batch, and what this machine allows (weights read
once a step; multiplications done once a token). Without FOLDER, and while no model is bundled, weights are
random: speed does not depend on them.
"""

import asyncio
import json
import random
import sys
import tempfile
import time
from importlib.resources import files
from pathlib import Path
from typing import Any

from arena.engines.base import Completion, Message, Request, Sampling
from arena.engines.hf import HfEngine

IN_FLIGHT = 8
EPISODES = 32
TURNS = 4
ROUNDS = 3
BAR_TOKENS_PER_S = 1500
SHAPE = {"hidden_size": 256, "intermediate_size": 768, "num_hidden_layers": 6, "num_attention_heads": 4}
VOCABULARY = 1024
RULES = (
    "You carry balls between rooms. Actions: pick ball room gripper, drop ball room gripper, move to room."
)
ORACLE: Any = None


def words(rng: random.Random) -> str:
    return f"ball{rng.randint(1, 9)} is in room{rng.choice('abcd')}, wanted in room{rng.choice('abcd')}."


def opening(episode: int) -> list[Message]:
    rng = random.Random(episode)
    return [
        Message("system", RULES),
        Message("user", "\n".join(words(rng) for _ in range(6)) + "\nBoth grippers are free."),
    ]


def observation(episode: int, turn: int) -> str:
    return f"Done. {words(random.Random(1000 * episode + turn))}"


def request(messages: list[Message], episode: int, turn: int) -> Request:
    most = random.Random(7 * episode + turn).randint(15, 25)
    return Request(tuple(messages), Sampling(max_tokens=most), f"{episode}", "t", 0, turn, ORACLE)


async def play_episode(engine: HfEngine, episode: int) -> list[Completion]:
    messages, replies = opening(episode), []
    for turn in range(TURNS):
        (reply,) = await engine.complete([request(messages, episode, turn)])
        replies.append(reply)
        messages += [Message("assistant", reply.text), Message("user", observation(episode, turn))]
    await engine.release(f"{episode}")
    return replies


async def play(engine: HfEngine, in_flight: int, episodes: int) -> tuple[float, float, list[Completion]]:
    """Play episodes, so many at a time; returns tokens/s, tokens a second of one core, and the replies."""
    waiting = list(range(episodes))
    replies: dict[int, list[Completion]] = {}

    async def work() -> None:
        while waiting:
            episode = waiting.pop(0)
            replies[episode] = await play_episode(engine, episode)

    began, cores_began_s = time.perf_counter(), time.process_time()
    await asyncio.gather(*(work() for _ in range(in_flight)))
    wall_s, cores_s = time.perf_counter() - began, time.process_time() - cores_began_s
    flat = [reply for episode in sorted(replies) for reply in replies[episode]]
    tokens = sum(reply.completion_tokens for reply in flat)
    return tokens / wall_s, tokens / cores_s, flat


def plain_generate(model: Any, tokenizer: Any) -> float:
    """Return tokens/s of transformers' own batched `generate` on the first prompts of the same episodes."""
    prompts = [
        tokenizer.apply_chat_template(
            [{"role": m.role, "content": m.content} for m in opening(episode)],
            add_generation_prompt=True,
            tokenize=False,
        )
        for episode in range(IN_FLIGHT)
    ]
    tokenizer.padding_side, tokenizer.pad_token = "left", tokenizer.pad_token or tokenizer.eos_token
    began = time.perf_counter()
    inputs = tokenizer(prompts, return_tensors="pt", padding=True, add_special_tokens=False)
    output = model.generate(**inputs, max_new_tokens=20, min_new_tokens=20, do_sample=False)
    new = output.shape[1] - inputs["input_ids"].shape[1]
    return float(IN_FLIGHT * new / (time.perf_counter() - began))


def best_s(function: Any, calls: int) -> float:
    function()
    times = []
    for _ in range(calls):
        began = time.perf_counter()
        function()
        times.append(time.perf_counter() - began)
    return min(times)


def machine_limits(model: Any) -> tuple[float, float, float, float]:
    """Return GB/s of reading a block as large as the weights, GFLOP/s, and the tokens/s of each."""
    import torch

    weights = list({p.data_ptr(): p for p in model.parameters()}.values())
    count, width = sum(p.numel() for p in weights), weights[0].element_size()
    numbers = torch.zeros(count * width // 4)
    left, right = (torch.zeros(1024, 1024, dtype=weights[0].dtype) for _ in range(2))
    bytes_per_s = numbers.nbytes / best_s(numbers.sum, 50)
    flop_per_s = 2 * 1024**3 / best_s(lambda: left @ right, 10)
    steps_per_s = bytes_per_s / (count * width)
    return bytes_per_s / 1e9, flop_per_s / 1e9, IN_FLIGHT * steps_per_s, flop_per_s / (2 * count)


def make_random_model(folder: Path) -> None:
    """Save a Llama of the bundled model's shape with random weights, and a tokenizer for these prompts."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    texts = [
        message.content
        for episode in range(200)
        for message in [*opening(episode), Message("user", observation(episode, 0))]
    ]
    texts += [
        json.dumps({"name": f"tool_{n}", "arguments": {"room": n, "city": texts[n]}}) for n in range(200)
    ]
    texts += [path.read_text() for path in sorted(Path("docs").glob("*.md"))]
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=["<|end|>", "<|system|>", "<|user|>", "<|assistant|>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer, eos_token="<|end|>", pad_token="<|end|>")
    fast.chat_template = (
        "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}<|end|>{% endfor %}"
        "{% if add_generation_prompt %}<|assistant|>{% endif %}"
    )
    fast.save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        **SHAPE,
        vocab_size=VOCABULARY,
        max_position_embeddings=1024,
        tie_word_embeddings=True,
        initializer_range=0.08,
        bos_token_id=None,
        eos_token_id=0,
    )
    LlamaForCausalLM(config).to(torch.bfloat16).save_pretrained(folder)


async def bench(folder: str, dtype: str) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    engine = HfEngine(folder, dtype=dtype)  # type: ignore[arg-type]
    began = time.perf_counter()
    await engine.start()
    print(f"hf:{folder}: {engine.identity()['dtype']}, started in {time.perf_counter() - began:.1f} s")
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, engine.identity()["dtype"]))
    await play(engine, IN_FLIGHT, 2 * IN_FLIGHT)
    plain_generate(model, tokenizer)

    print(f"tokens/s: one episode at a time, {IN_FLIGHT} in flight, generate (a batch of {IN_FLIGHT})")
    rounds = []
    for _ in range(ROUNDS):
        one, _, alone = await play(engine, 1, EPISODES // 4)
        many, of_a_core, beside = await play(engine, IN_FLIGHT, EPISODES)
        rounds.append((one, many, plain_generate(model, tokenizer), of_a_core))
        print(f"  {one:8.0f} {many:8.0f} {rounds[-1][2]:8.0f}")
    one, many, plain, of_a_core = (max(column) for column in zip(*rounds, strict=True))
    same = [reply.token_ids == beside[place].token_ids for place, reply in enumerate(alone)]
    print(
        f"best             {one:.0f} alone, {many:.0f} with {IN_FLIGHT} in flight  (bar: {BAR_TOKENS_PER_S})"
    )
    print(f"a core's second  {of_a_core:.0f} tokens with {IN_FLIGHT} in flight, whatever else the cores do")
    print(f"over generate    {many / plain:.1f}")
    print(f"same replies     {sum(same)} of {len(same)}, alone and beside others")
    prompts = [reply.prompt_tokens for reply in beside]
    read = sum(reply.prompt_tokens - reply.cached_tokens for reply in beside)
    written = sum(reply.completion_tokens for reply in beside)
    print(f"prompts          {min(prompts)} to {max(prompts)} tokens, replies {written / len(beside):.0f}")
    print(f"read / written   {read / written:.1f} prompt tokens for each token of a reply")
    bandwidth, speed, by_reading, by_multiplying = machine_limits(model)
    print(
        f"limit by memory  {by_reading:.0f} tokens/s ({bandwidth:.0f} GB/s); "
        f"reached 1/{by_reading / many:.1f}"
    )
    done = many * (1 + read / written)
    print(
        f"limit by cores   {by_multiplying:.0f} tokens/s read or written ({speed:.0f} GFLOP/s); "
        f"reached 1/{by_multiplying / done:.1f}"
    )
    await engine.close()


def main() -> None:
    dtype = sys.argv[2] if len(sys.argv) > 2 else "auto"
    bundled = Path(str(files("arena").joinpath("bundled")))
    if len(sys.argv) > 1:
        asyncio.run(bench(sys.argv[1], dtype))
    elif found := sorted(bundled.rglob("config.json")):
        asyncio.run(bench(str(found[0].parent), dtype))
    else:
        with tempfile.TemporaryDirectory() as folder:
            make_random_model(Path(folder))
            asyncio.run(bench(folder, dtype))


if __name__ == "__main__":
    main()
