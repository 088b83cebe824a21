"""The bundled agent's tokens: byte-level BPE, learned from its own lessons, and its chat template.

Text is first cut into letters (with the space before them), single digits and everything else, so that
`{"name":"` can become few tokens and a number is always copied digit by digit.
"""

from collections.abc import Iterable
from typing import Any

from arena.engines.base import Message

VOCABULARY = 1024
PAD, END, SYSTEM, USER, ASSISTANT = "<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"

_PIECES = r"\p{N}| ?\p{L}+|[^\p{L}\p{N}]+?(?= ?\p{L}|\p{N}|$)"
_TEMPLATE = (
    "{% for message in messages %}{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)


def learn_tokenizer(texts: Iterable[str], context_tokens: int) -> Any:
    """Learn a tokenizer from texts; returns a `PreTrainedTokenizerFast` with its chat template."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_PIECES), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, END, SYSTEM, USER, ASSISTANT],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[SYSTEM, USER, ASSISTANT],
        chat_template=_TEMPLATE,
        model_max_length=context_tokens,
        clean_up_tokenization_spaces=False,
    )


def encode_message(tokenizer: Any, message: Message) -> tuple[list[int], list[int]]:
    """Return the tokens of a message as the template writes it: its head, and its content with its end."""
    head = tokenizer.convert_tokens_to_ids(f"<|{message.role}|>")
    content = tokenizer(message.content, add_special_tokens=False).input_ids
    return [head], [*content, tokenizer.eos_token_id]
