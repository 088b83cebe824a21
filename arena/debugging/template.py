"""What a request loses in a model's chat template: a tool, a past call, its result."""

from typing import TYPE_CHECKING

from arena.engines.base import Engine, Request
from arena.protocol.quoting import excerpt

if TYPE_CHECKING:
    from arena.engines.hf_chat import Chat


def chat_of(engine: Engine) -> "Chat | None":
    """Return the chat template and tokenizer of a model in this process; None of other engines.

    Loads the tokenizer, not the model. Raises `EngineError` where it can't be loaded.
    """
    from arena.engines.hf import HfEngine

    if not isinstance(engine, HfEngine):
        return None
    from arena.engines.hf_tokenizer import load_tokenizer

    loaded = load_tokenizer(engine.checkpoint, name="the contestant", trust_remote_code=False)
    from arena.engines.hf_chat import Chat

    return Chat(loaded.tokenizer)


def lost(chat: "Chat", request: Request, *, with_tools: bool) -> str | None:
    """Return what of a request the rendered prompt lacks, in words; None where it is all there.

    `with_tools`: the template was given the tools.
    White space does not count: templates trim. Raises `EngineError` where the template refuses the request.
    """
    rendered = _dense(chat.tokenizer.decode(chat.prompt(request, with_tools=with_tools)))
    # without that they stand in a message, or nowhere: a terse prompt shows no tools to who has learned them
    for tool in request.tools if with_tools else ():
        name = str(tool.get("function", tool).get("name", ""))
        if name not in rendered:
            return f"the prompt lacks the tool {excerpt(name)}"
    for number, message in enumerate(request.messages, start=1):
        if _dense(message.content) not in rendered:
            what = {"assistant": "a past reply", "user": "an observation", "system": "the rules"}
            return f"the prompt lacks message {number}, {what[message.role]}: {excerpt(message.content)}"
    return None


def _dense(text: str) -> str:
    return "".join(text.split())
