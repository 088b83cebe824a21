from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from arena.engines.base import Message
from arena.prompt import Briefing, Item, build

BRIEFING = Briefing("the rules", "answer so", "so", [("", "a room"), ("go", "another room")], "be there")
HISTORY = [
    Item("observation", "first"),
    Item("action", "one"),
    Item("observation", "second"),
    Item("action", "two"),
    Item("observation", "third"),
]


def characters(messages: Sequence[Message]) -> int:
    return sum(len(message.content) for message in messages)


def test_the_flat_style_is_one_user_message_that_ends_with_an_open_action():
    prompt = build(BRIEFING, HISTORY, "flat", characters, None)
    system, user = prompt.messages
    assert (system.role, user.role) == ("system", "user")
    assert user.content.endswith(
        "Observation: first\nAction: one\nObservation: second\nAction: two\nObservation: third\nAction:"
    )
    for part in ("the rules", "answer so", "Action: go\nObservation: another room", "be there"):
        assert part in user.content


def test_the_chat_style_alternates_roles_and_keeps_actions_as_they_were_given():
    prompt = build(BRIEFING, HISTORY, "chat", characters, None)
    roles = [message.role for message in prompt.messages]
    assert roles == ["system", "user", "assistant", "user", "assistant", "user"]
    assert prompt.messages[2].content == "one"


def test_the_terse_style_says_form_and_goal_once_and_then_only_what_was_seen_and_done():
    prompt = build(BRIEFING, HISTORY, "terse", characters, None)
    assert [(message.role, message.content) for message in prompt.messages] == [
        ("system", "so be there"),
        ("user", "first"),
        ("assistant", "one"),
        ("user", "second"),
        ("assistant", "two"),
        ("user", "third"),
    ]


def test_the_oldest_items_are_dropped_first_one_by_one():
    whole = characters(build(BRIEFING, HISTORY, "flat", characters, None).messages)
    prompt = build(BRIEFING, HISTORY, "flat", characters, whole - 1)
    assert prompt.dropped_items == 1
    assert "first" not in prompt.messages[1].content
    assert "Action: one" in prompt.messages[1].content


def test_the_last_observation_is_never_dropped():
    prompt = build(BRIEFING, HISTORY, "flat", characters, 1)
    assert prompt.dropped_items == 4
    assert prompt.messages[1].content.endswith("Observation: third\nAction:")


def test_a_chat_that_lost_its_first_observation_still_begins_with_the_user():
    whole = characters(build(BRIEFING, HISTORY, "chat", characters, None).messages)
    prompt = build(BRIEFING, HISTORY, "chat", characters, whole - 1)
    assert [message.role for message in prompt.messages][:3] == ["system", "user", "assistant"]


@given(
    st.lists(st.text(max_size=30), min_size=1, max_size=12),
    st.integers(0, 800),
    st.sampled_from(["flat", "chat"]),
)
def test_no_item_is_dropped_that_would_have_fitted(texts: list[str], budget: int, style: str):
    history = [Item("action" if index % 2 else "observation", text) for index, text in enumerate(texts)]
    prompt = build(BRIEFING, history, style, characters, budget)
    fits = [
        dropped
        for dropped in range(len(history))
        if characters(build(BRIEFING, history[dropped:], style, characters, None).messages) <= budget
    ]
    assert prompt.dropped_items == (fits[0] if fits else len(history) - 1)


def test_a_bare_request_is_sent_as_it_is_and_cut_in_its_middle_where_it_is_too_long():
    text = "".join(chr(97 + index % 26) for index in range(1000))
    (whole,) = build(BRIEFING, [Item("observation", text)], "bare", characters, None).messages
    assert (whole.role, whole.content) == ("user", text)
    (cut,) = build(BRIEFING, [Item("observation", text)], "bare", characters, 101).messages
    assert cut.content == text[:50] + text[-51:]


def test_a_request_with_roles_of_its_own_keeps_them():
    request = (Message("system", "be brief"), Message("user", "draw the graph"))
    history = [Item("observation", "be brief\n\ndraw the graph", request), Item("action", "no edges")]
    history.append(Item("observation", "edges are missing"))
    prompt = build(BRIEFING, history, "bare", characters, None)
    assert prompt.messages == (
        *request,
        Message("assistant", "no edges"),
        Message("user", "edges are missing"),
    )


def test_the_hash_names_what_was_sent():
    prompts = [build(BRIEFING, HISTORY[:count], "flat", characters, None) for count in (1, 3, 3)]
    assert prompts[1].hash == prompts[2].hash != prompts[0].hash
