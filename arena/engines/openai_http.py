"""`openai:URL[#MODEL]`: any server that speaks OpenAI's chat completions (vLLM, SGLang, llama.cpp, OpenAI).

The API key comes from ARENA_API_KEY, else OPENAI_API_KEY, and is never part of a spec, an identity or an
error. What a server does not do right is tried again, a bounded number of times, with growing pauses; then
the episode stays owed. What it refuses outright is not.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterable, AsyncIterator, Awaitable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal
from urllib.parse import parse_qsl, urlsplit

from pydantic import Field

from arena.engines.api_key import LOOPBACK, SET_KEY, api_key
from arena.engines.base import Capability, Completion, Engine, Message, Request
from arena.engines.constrained import Constrained, response_format
from arena.engines.openai_answer import Answer, HalfAnswer, LiveText, whole_unicode
from arena.engines.openai_problem import Server, one_line, persist
from arena.engines.options import nearest, refuse_secret
from arena.engines.seeding import reply_seed
from arena.errors import EngineError, UsageError

if TYPE_CHECKING:
    from openai import AsyncOpenAI

NO_KEY = "none"
"""Sent where there is no key: the client insists on one, and local servers don't look at it."""

START_TIMEOUT_S = 10.0
START_RETRIES = 2
CONNECT_TIMEOUT_S = 10.0
WINDOW_FIELDS = ("max_model_len", "context_length", "max_context_length")
"""How servers call the longest prompt plus reply in /models: vLLM and SGLang, OpenRouter, LM Studio."""

MOST_NAMES = 20
"""How many of a server's models an error names."""


class OpenAIEngine(Engine):
    """Completes over HTTP. Every request stands for itself: the server keeps the caches, and batches.

    `retries` bounds how often a request is tried again, `timeout` (seconds) how long one try may take from
    the request to the last token, `concurrency` how many are under way. None of them shapes what is said.
    `tools="server"` sends the tools' schemas along, for models whose server renders them into the prompt and
    parses the calls; by default the prompt alone describes them, as it does for every other engine. With
    `tool_choice="required"` beside it the server makes every reply a call.
    `constrained="json-schema"` asks for replies that are calls of the tools (`response_format`); a server
    that does not know how either refuses, which ends the run, or does not heed it.
    """

    capabilities: ClassVar[frozenset[Capability]] = frozenset(
        {"constrained", "logprobs", "tools", "seed", "stream"}
    )

    def __init__(
        self,
        where: str,
        *,
        retries: Annotated[int, Field(ge=0, le=100)] = 5,
        timeout: Annotated[float, Field(gt=0, le=86_400)] = 300.0,
        concurrency: Annotated[int, Field(ge=1, le=10_000)] = 16,
        tools: Literal["prompt", "server"] = "prompt",
        tool_choice: Literal["auto", "required"] = "auto",
        constrained: Constrained | None = None,
    ) -> None:
        """Take note of the address; nothing is sent. Raises `UsageError` where it is none."""
        if tool_choice == "required" and tools != "server":
            raise UsageError("a server can only require tools that it is sent", "add tools=server")
        if constrained and tools == "server":
            raise UsageError(
                "constrained=json-schema and tools=server exclude each other: a server's tool parser wants"
                " replies in the model's own form",
                "leave out one of them",
            )
        self.constrained = constrained
        url, _, self._model = where.partition("#")
        _check_url(url)
        self._server = Server(url.rstrip("/"), self._model or "its model", api_key() is not None, timeout)
        self._retries = retries
        self.concurrency = concurrency
        self._tools = tools
        self._tool_choice = tool_choice
        self._client: AsyncOpenAI | None = None
        self._places = asyncio.Semaphore(concurrency)
        self._running: set[asyncio.Task[Completion]] = set()

    async def start(self) -> None:
        """Make sure that the server answers and has the model. Raises `EngineError`."""
        client = _client(self._server)
        try:
            card = await self._model_card(client)
        except BaseException:
            await client.close()
            raise
        self._client = client
        self.context_tokens = _window(card)
        self._places = asyncio.Semaphore(self.concurrency)

    async def complete(self, requests: Sequence[Request]) -> list[Completion]:
        """Return the server's replies. Raises `EngineError` after the last retry, or at once on a refusal."""
        tasks = [asyncio.create_task(self._reply(request)) for request in requests]
        self._running.update(tasks)
        try:
            return list(await asyncio.gather(*tasks))
        except asyncio.CancelledError:
            this = asyncio.current_task()
            if self._client is None and this and not this.cancelling():
                raise EngineError(f"the engine at {self._server.address} was closed") from None
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._running.difference_update(tasks)

    def count_tokens(self, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> int:
        """Return an estimate on the safe side, three bytes a token: the server refuses what does not fit."""
        texts = [message.content for message in messages]
        texts += [json.dumps(tool, default=dict) for tool in tools if self._tools == "server"]
        return sum(len(text.encode("utf-8", "surrogatepass")) // 3 + 8 for text in texts)

    def identity(self) -> Mapping[str, Any]:
        """Return the model's name, and how it is given its tools.

        That is all that can be known without the server: where the spec names no model, the server is asked
        for it. Raises `EngineError` where that fails.
        """
        if not self._model:
            # callers may have an event loop of their own running
            with ThreadPoolExecutor(max_workers=1) as thread:
                thread.submit(asyncio.run, self._settle_model()).result()
        identity = {"engine": "openai", "model": self._model, "tools": self._tools}
        identity |= {"tool_choice": "required"} if self._tool_choice == "required" else {}
        return identity | ({"constrained": self.constrained} if self.constrained else {})

    async def close(self) -> None:
        """Drop what is under way and close the connections."""
        client, self._client = self._client, None
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if client:
            await client.close()

    async def _settle_model(self) -> None:
        async with _client(self._server) as client:
            await self._model_card(client)

    async def _model_card(self, client: "AsyncOpenAI") -> Mapping[str, Any]:
        """Ask the server what it serves, settle which model is meant, and return what is said about it."""
        cards = await self._listed(client)
        if cards is None:
            if self._model:
                return {}
            raise EngineError(
                f"{self._server.address} does not list its models", "name one: openai:URL#MODEL"
            )
        names = [card["id"] for card in cards]
        shown = [one_line(name) for name in names[:MOST_NAMES]]
        if not self._model and len(names) == 1:
            self._model = names[0]
            self._server = replace(self._server, model=one_line(names[0]))
        if not self._model:
            hint = f"name one of them, openai:URL#MODEL: {', '.join(shown)}" if names else "load one there"
            raise EngineError(f"{self._server.address} serves {len(names)} models", hint)
        for card in cards:
            # gateways list families of models with a star
            if self._model == card["id"] or fnmatchcase(self._model, card["id"]):
                return card
        raise EngineError(
            f"{self._server.address} has no model {self._model}", nearest(self._model, shown, "models")
        )

    async def _listed(self, client: "AsyncOpenAI") -> list[Mapping[str, Any]] | None:
        """Return the server's cards of its models; None where it has no such list."""
        import openai

        server = replace(self._server, timeout_s=min(START_TIMEOUT_S, self._server.timeout_s))

        async def ask() -> list[Mapping[str, Any]] | None:
            try:
                answer = await _whole(client.get("/models", cast_to=object))
            except openai.NotFoundError:
                return None
            cards = answer.get("data") if isinstance(answer, dict) else None
            if not isinstance(cards, list):
                raise HalfAnswer("a list of models without data")
            return [card for card in cards if isinstance(card, dict) and isinstance(card.get("id"), str)]

        return await persist(ask, server, min(START_RETRIES, self._retries), reconnect=False)

    async def _reply(self, request: Request) -> Completion:
        client = self._client
        if client is None:
            raise EngineError(f"the engine at {self._server.address} is not running")
        live = LiveText(request.on_text) if request.on_text else None
        async with self._places:
            return await persist(lambda: self._ask(client, request, live), self._server, self._retries)

    async def _ask(self, client: "AsyncOpenAI", request: Request, live: LiveText | None) -> Completion:
        """Ask once. The completion's latency is that of this try, without queueing and earlier tries."""
        import openai

        began = time.perf_counter()
        answer = Answer(live)
        body = self._body(request)
        if live is None:
            answer.add_whole(await _whole(client.post("/chat/completions", cast_to=object, body=body)))
        else:
            live.restart()
            body |= {"stream": True, "stream_options": {"include_usage": True}}
            stream = await client.post(
                "/chat/completions",
                cast_to=object,
                body=body,
                stream=True,
                stream_cls=openai.AsyncStream[object],
            )
            async with stream:
                async for chunk in _chunks(stream):
                    answer.add_chunk(chunk)
        completion = answer.completion(time.perf_counter() - began)
        return replace(completion, estimated_tokens=self._estimated(request, completion))

    def _estimated(self, request: Request, completion: Completion) -> tuple[int, int] | None:
        """Return about how many tokens a prompt and its reply have, None where the server says it."""
        if completion.prompt_tokens and (completion.completion_tokens or not completion.text):
            return None
        reply = (Message("assistant", completion.text),)
        return (
            completion.prompt_tokens or self.count_tokens(request.messages, request.tools),
            completion.completion_tokens or self.count_tokens(reply),
        )

    def _body(self, request: Request) -> dict[str, Any]:
        sampling = request.sampling
        body: dict[str, Any] = {
            "model": self._model,
            "messages": [
                {"role": message.role, "content": whole_unicode(message.content)}
                for message in request.messages
            ],
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": reply_seed(request),
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if sampling.top_logprobs:
            body |= {"logprobs": True, "top_logprobs": sampling.top_logprobs}
        if request.tools and self._tools == "server":
            body["tools"] = list(request.tools)
            body |= {"tool_choice": "required"} if self._tool_choice == "required" else {}
        if request.tools and self.constrained:
            body["response_format"] = response_format(request.tools)
        return body


async def _whole(answer: Awaitable[object]) -> object:
    try:
        return await answer
    except (ValueError, RecursionError):  # raised by the client where it reads JSON
        raise HalfAnswer("text that is not JSON") from None


async def _chunks(stream: AsyncIterable[object]) -> AsyncIterator[object]:
    try:
        async for chunk in stream:
            yield chunk
    except (ValueError, RecursionError):
        raise HalfAnswer("text that is not JSON") from None


def _client(server: Server) -> "AsyncOpenAI":
    import openai

    url = urlsplit(server.url)
    return openai.AsyncOpenAI(
        api_key=api_key() or NO_KEY,
        base_url=url._replace(query="").geturl(),
        default_query=dict(parse_qsl(url.query)),
        timeout=openai.Timeout(server.timeout_s, connect=min(CONNECT_TIMEOUT_S, server.timeout_s)),
        max_retries=0,  # `persist` does that, for broken streams as well
        # a proxy from the environment can't reach this machine's own servers
        http_client=openai.DefaultAsyncHttpxClient(trust_env=url.hostname not in LOOPBACK),
    )


def _check_url(text: str) -> None:
    """Raise `UsageError` where a URL is none, or holds a secret; it is not repeated then."""
    form = "write openai:URL#MODEL, such as openai:http://127.0.0.1:8000/v1#MODEL"
    try:
        url = urlsplit(text)
        has_port = url.port is None or url.port > 0
    except ValueError:
        raise UsageError("the server's address is no URL", form) from None
    if url.username is not None or url.password is not None:
        raise UsageError("a server's address can't hold a user or a password", SET_KEY)
    if url.scheme not in ("http", "https") or not url.hostname or not has_port:
        raise UsageError("the server's address begins with http:// or https:// and a host", form)
    for name, _ in parse_qsl(url.query, keep_blank_values=True):
        refuse_secret(name)


def _window(card: Mapping[str, Any]) -> int | None:
    sizes = (card.get(name) for name in WINDOW_FIELDS)
    return next((size for size in sizes if isinstance(size, int) and size > 0), None)
