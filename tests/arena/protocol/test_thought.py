import pytest

from arena.protocol.thought import split


@pytest.mark.parametrize(
    ("reply", "thought", "body"),
    [
        ("<think>hm</think>go", "hm", "                 go"),
        ("  <think>hm</think>\ngo", "hm", "                   \ngo"),
        ("<THINK>hm</Think>go", "hm", "                 go"),
        ("<thinking>hm</thinking>go", "hm", " " * 23 + "go"),
        ("<reasoning>hm</reasoning>go", "hm", " " * 25 + "go"),
        ("<thought>hm</thought>go", "hm", " " * 21 + "go"),
        (
            "<think>a</think> <think>b</think>\n<thought>c</thought>go",
            "a\nb\nc",
            " " * 33 + "\n" + " " * 20 + "go",
        ),
        ("<think></think>go", "", " " * 15 + "go"),
        ("hm</think>go", "hm", " " * 10 + "go"),
        ("<think>a<think>b</think>c</think>go", "a<think>b\nc", " " * 33 + "go"),
        ("<think>it says </thought> here</think>go", "it says </thought> here", " " * 38 + "go"),
        ("Sure.\n<think>hm</think>\ngo", "hm", "Sure.\n" + " " * 17 + "\ngo"),
    ],
)
def test_a_thought_is_kept_apart_and_leaves_blanks_behind(reply: str, thought: str, body: str) -> None:
    reading = split(reply)
    assert (reading.thought, reading.body, reading.unfinished) == (thought, body, None)


@pytest.mark.parametrize(
    ("reply", "thought", "start"),
    [
        ("<think>hm", "hm", 0),
        ("<think>hm</thi", "hm</thi", 0),
        ("<think>a</think>\n<thinking>b</think>", "a\nb</think>", 17),
        ("go\n  <think>hm", "hm", 5),
    ],
)
def test_a_thought_that_never_closes_says_where_it_began(reply: str, thought: str, start: int) -> None:
    reading = split(reply)
    assert (reading.thought, reading.unfinished) == (thought, start)
    assert not reading.body[start:].strip()


@pytest.mark.parametrize(
    "reply", ["go <think>hm</think>", "say <think>", "<thinks>hm</thinks>", "<think >", "go"]
)
def test_a_tag_within_a_line_is_text(reply: str) -> None:
    reading = split(reply)
    assert (reading.thought, reading.body, reading.unfinished) == ("", reply, None)


@pytest.mark.parametrize(
    ("reply", "rest"),
    [
        ("  go\n", "  go\n"),
        ("<think>hm</think>\n\n  go \n", "  go \n"),
        ("\n <think>hm</think> go", " go"),
        ("Sure.\n  <think>hm</think>\n\ngo", "Sure.\ngo"),
        ("<think>a</think> <think>b</think>\r\ngo", "go"),
        ("go\n<think>hm", "go\n"),
        ("<think>hm</think>\n", ""),
    ],
)
def test_the_rest_is_the_reply_with_its_thoughts_cut_out(reply: str, rest: str) -> None:
    assert split(reply).rest == rest
