"""vLLM's own process: started with a model, asked for replies, ended.

All that is known of vLLM's Python interface stands here (AsyncLLM, AsyncEngineArgs, SamplingParams,
StructuredOutputsParams).
"""

import contextlib
import json
import logging
import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from multiprocessing import spawn
from pathlib import Path
from typing import TYPE_CHECKING, Any

from arena.engines.base import Sampling
from arena.engines.constrained import guided_schema
from arena.engines.vllm_machine import CONSTRAINT_BACKEND, cache_bytes, refuse_too_large, settle
from arena.engines.vllm_problem import explain, import_problem, refuse_on_cpu
from arena.engines.vllm_reply import Piece
from arena.errors import EngineError, RefusedRequest

if TYPE_CHECKING:
    from compress.checkpoint import Checkpoint

_QUIET_CHILD = """#!/bin/sh
exec >>"$ARENA_VLLM_LOG" 2>&1
command -v setpriv >/dev/null && exec setpriv --pdeathsig KILL "$ARENA_VLLM_PYTHON" "$@"
exec "$ARENA_VLLM_PYTHON" "$@"
"""
"""Starts Python with its output in a file, and (on Linux) so that it ends when Arena is killed."""


@dataclass(frozen=True)
class Served:
    """A model that vLLM serves: `context_tokens` is its longest prompt plus reply, `folder` holds the log."""

    name: str
    llm: Any
    stop_ids: frozenset[int]
    context_tokens: int
    folder: Path

    async def generate(
        self,
        prompt: Sequence[int],
        sampling: Sampling,
        *,
        max_tokens: int,
        seed: int,
        label: str,
        tools: Sequence[Mapping[str, Any]] = (),
    ) -> AsyncGenerator[Piece, None]:
        """Yield a reply piece by piece; closing the generator takes it out of the batch.

        With `tools` the reply can only be a call of one of them. Raises `EngineError` where vLLM refuses the
        request or has died.
        """
        from vllm.sampling_params import RequestOutputKind, SamplingParams, StructuredOutputsParams

        schema = json.dumps(guided_schema(tools), default=dict) if tools else None
        wanted = SamplingParams(
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=seed if sampling.temperature > 0 else None,
            max_tokens=max_tokens,
            logprobs=sampling.top_logprobs or None,
            stop_token_ids=sorted(self.stop_ids),
            detokenize=False,
            output_kind=RequestOutputKind.DELTA,
            structured_outputs=StructuredOutputsParams(json=schema) if schema else None,
        )
        try:
            outputs = self.llm.generate({"prompt_token_ids": list(prompt)}, wanted, request_id=label)
            async with contextlib.aclosing(outputs):
                async for output in outputs:
                    yield _piece(output)
        except (EngineError, GeneratorExit):
            raise
        except Exception as error:
            raise self._failure(error) from error

    def close(self) -> None:
        """End the process, and remove its log."""
        _log_to(None)  # it calls its own end an error
        self.llm.shutdown()
        # it would do so again when it is collected, which fails while Python ends
        self.llm.shutdown = _nothing
        shutil.rmtree(self.folder, ignore_errors=True)

    def _failure(self, error: Exception) -> EngineError:
        if self.llm.errored:
            return explain(self.name, error, self.folder / "log.txt")
        cause = error.__cause__ or error
        return RefusedRequest(f"vLLM refuses a request to {self.name}: {type(cause).__name__}: {cause}.")


def serve_in_process(
    folder: Path,
    *,
    name: str,
    stop_ids: frozenset[int],
    checkpoint: "Checkpoint",
    settings: Mapping[str, Any],
    constrained: bool,
) -> Served:
    """Start vLLM with the model in `folder` and wait until it is loaded; slow.

    `checkpoint` is what the folder is, or was unpacked from; `settings` are arguments of vLLM's
    AsyncEngineArgs, None where its own defaults shall hold; `constrained`: whether replies will be. Raises
    `EngineError`, and then leaves no process behind; the log stays.
    """
    settle(os.environ, settings["tensor_parallel_size"])
    own_folder = Path(tempfile.mkdtemp(prefix="arena-vllm-"))
    try:
        llm = _start(folder, name, checkpoint, settings, own_folder / "log.txt", constrained=constrained)
        _log_to(own_folder / "log.txt")  # starting has set vLLM's own way again
    except EngineError:
        (own_folder / "python").unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # goes unless there is a log in it
            own_folder.rmdir()
        raise
    return Served(name, llm, stop_ids, llm.model_config.max_model_len, own_folder)


def _start(
    folder: Path,
    name: str,
    checkpoint: "Checkpoint",
    settings: Mapping[str, Any],
    log: Path,
    *,
    constrained: bool,
) -> Any:
    _log_to(log)
    try:
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.platforms import current_platform
        from vllm.v1.engine.async_llm import AsyncLLM
    except Exception as error:
        raise import_problem(error) from error
    _log_to(log)  # importing vLLM has set its own way
    given = {key: value for key, value in settings.items() if value is not None}
    if current_platform.is_cpu():
        refuse_on_cpu(name, checkpoint.quantization)
        cache = cache_bytes(os.environ)
        refuse_too_large(name, checkpoint.size_bytes, cache)
        given |= {"kv_cache_memory_bytes": cache} if cache else {}
    if constrained:
        from vllm.config import StructuredOutputsConfig

        # as in the engine `hf:`; by default another library is tried first, which lets spaces go on for ever
        given["structured_outputs_config"] = StructuredOutputsConfig(backend=CONSTRAINT_BACKEND)
    try:
        with _children_write_to(log):
            return AsyncLLM.from_engine_args(
                AsyncEngineArgs(
                    model=str(folder),
                    enable_prefix_caching=True,
                    generation_config="vllm",  # only a request's Sampling says how to decode
                    max_logprobs=-1,
                    disable_log_stats=True,
                    use_tqdm_on_load=False,
                    **given,
                )
            )
    except Exception as error:
        raise explain(name, error, log) from error


@contextlib.contextmanager
def _children_write_to(log: Path) -> Iterator[None]:
    """Let processes that are started here write to a file: the terminal belongs to Arena.

    They are started through a shell script, which is the one thing that multiprocessing lets one replace.
    """
    script = log.with_name("python")
    script.write_text(_QUIET_CHILD)
    script.chmod(0o700)
    if not os.access(script, os.X_OK):  # a temporary folder in which nothing may be run
        yield
        return
    before = spawn.get_executable()
    os.environ |= {"ARENA_VLLM_PYTHON": sys.executable, "ARENA_VLLM_LOG": str(log)}
    spawn.set_executable(str(script))
    try:
        yield
    finally:
        spawn.set_executable(before)
        del os.environ["ARENA_VLLM_PYTHON"], os.environ["ARENA_VLLM_LOG"]


def _nothing() -> None:
    pass


def _log_to(log: Path | None) -> None:
    logger = logging.getLogger("vllm")
    for handler in logger.handlers:
        handler.close()
    logger.handlers = [logging.FileHandler(log, delay=True) if log else logging.NullHandler()]


def _piece(output: Any) -> Piece:
    (written,) = output.outputs
    return Piece(
        token_ids=written.token_ids,
        logprobs=[
            {token: choice.logprob for token, choice in choices.items()} for choices in written.logprobs or ()
        ],
        end=written.finish_reason,
        cached_tokens=output.num_cached_tokens or 0,
    )
