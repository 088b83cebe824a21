"""WorfBench's scores: what is read of a reply, and where strict departs from faithful."""

import random
import time

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from envs.embedding import Encoder, encoder
from envs.workflow.graph import parse, render
from envs.workflow.matching import longest_rise, match
from envs.workflow.scoring import _needed, headline, score, score_row

HASHING = encoder("hashing")
CHAIN = render(["boil water", "add tea leaves", "pour a cup"], [("START", 1), (1, 2), (2, 3), (3, "END")])
FORK = render(
    ["boil water", "warm the pot", "pour a cup"], [("START", 1), ("START", 2), (1, 3), (2, 3), (3, "END")]
)


@pytest.mark.parametrize("scoring", ["faithful", "strict"])
@pytest.mark.parametrize("gold", [CHAIN, FORK])
def test_the_gold_workflow_scores_one(gold: str, scoring: str) -> None:
    assert headline(score(gold, gold, HASHING, scoring)) == pytest.approx(1.0)


@pytest.mark.parametrize("reply", ["", "Node:\n1: boil water", "1: boil water\nEdge: (START,1)", "(START,1)"])
def test_a_reply_without_edges_or_without_the_word_node_scores_nothing(reply: str) -> None:
    assert headline(score(reply, CHAIN, HASHING)) == 0.0


def test_faithful_reads_a_node_after_a_number_anywhere_and_needs_one_space() -> None:
    flow = parse("Node:\n- 7. boil water\n2.pour\nEdge: (START,1) (1,END)")
    assert flow is not None
    assert flow.nodes == ("START", "boil water", "END")
    assert flow.edges == ((0, 1), (1, 2))


def test_strict_reads_the_numbers_that_edges_mean() -> None:
    swapped = "Node:\n2.pour a cup\n1.boil water\nEdge: (START,1) (1,2) (2,END)"
    flow = parse(swapped, "strict")
    assert flow is not None
    assert flow.nodes == ("START", "pour a cup", "boil water", "END")
    assert flow.edges == ((0, 2), (2, 1), (1, 3))


def test_nothing_matched_still_counts_one_hit_in_the_faithful_chain_only() -> None:
    wrong = render(["x", "y", "z"], [("START", 1), (1, 2), (2, 3), (3, "END")])
    assert score(wrong, CHAIN, HASHING)["chain"]["f1_score"] == pytest.approx(1 / 3)
    assert headline(score(wrong, CHAIN, HASHING, "strict")) == 0.0


def test_start_and_end_match_each_other_in_the_faithful_graph_only() -> None:
    wrong = render(["x", "y", "z"], [("START", 1), (1, 2), (2, 3), (3, "END")])
    assert score(wrong, CHAIN, HASHING)["graph"]["precision"] == pytest.approx(1 / 5)


def test_strict_maps_reply_nodes_to_gold_nodes_before_edges_are_compared() -> None:
    renumbered = "Node:\n1: pour a cup\n2: add tea leaves\n3: boil water\nEdge: (START,3) (3,2) (2,1) (1,END)"
    assert score(renumbered, CHAIN, HASHING)["graph"]["f1_score"] < 1
    assert score(renumbered, CHAIN, HASHING, "strict")["graph"]["f1_score"] == pytest.approx(1.0)


@pytest.mark.parametrize(("cosine", "matches"), [(0.61, True), (0.6, False), (0.59, False)])
def test_a_cosine_of_six_tenths_is_not_above_it(cosine: float, matches: bool) -> None:
    gold = render(["gold"], [("START", 1), (1, "END")])
    reply = render(["reply"], [("START", 1), (1, "END")])
    turned = {"gold": [1.0, 0.0, 0.0], "reply": [cosine, (1 - cosine**2) ** 0.5, 0.0]}
    turning = Encoder(
        "turning", lambda texts: np.array([turned.get(text, [0.0, 0.0, 1.0]) for text in texts])
    )
    assert score(reply, gold, turning, "strict")["chain"]["f1_score"] == float(matches)


def test_the_chain_takes_any_order_that_the_gold_graph_allows() -> None:
    other = render(["warm the pot", "boil water", "pour a cup"], [("START", 1), (1, 2), (2, 3), (3, "END")])
    for scoring in ("faithful", "strict"):
        assert score(other, FORK, HASHING, scoring)["chain"]["f1_score"] == pytest.approx(1.0)


def test_strict_finds_the_best_order_among_all_of_them() -> None:
    draw = random.Random(3)
    names = [f"word{i}a word{i}b" for i in range(6)]
    for _ in range(30):
        edges = [(i, j) for i in range(1, 7) for j in range(i + 1, 7) if draw.random() < 0.3]
        gold_edges = [("START", i) for i in range(1, 7)] + edges + [(i, "END") for i in range(1, 7)]
        order = draw.sample(range(6), 6)
        reply = render([names[i] for i in order], [("START", 1), (1, "END")])
        graph = nx.DiGraph(edges)
        graph.add_nodes_from(range(1, 7))
        best = max(
            longest_rise([list(each).index(i + 1) for i in order]) for each in nx.all_topological_sorts(graph)
        )
        chain = score(reply, render(names, gold_edges), HASHING, "strict")["chain"]
        assert chain["precision"] == pytest.approx(best / 6)


@pytest.mark.parametrize("scoring", ["faithful", "strict"])
def test_a_gold_graph_with_a_circle_scores_nothing(scoring: str) -> None:
    gold = render(["a b", "c d"], [("START", 1), (1, 2), (2, 1), (2, "END")])
    assert score(gold, gold, HASHING, scoring)["chain"]["f1_score"] == 0.0


def test_a_matching_of_equal_weights_is_the_one_that_networkx_finds() -> None:
    weights = np.array([[0.9, 0.9], [0.9, 0.9], [0.0, 0.9]])
    graph = nx.Graph()
    for i in range(3):
        for j in range(2):
            if weights[i, j] > 0.6:
                graph.add_edge(i, str(j), weight=weights[i, j])
    wanted = [-1, -1, -1]
    for pair in nx.max_weight_matching(graph):
        i, j = pair if isinstance(pair[0], int) else pair[::-1]
        wanted[i] = int(j)
    assert match(weights, 0.6) == (wanted, False)


def test_a_row_without_a_reply_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="reply must be a text"):
        score_row({"gold": CHAIN}, HASHING)


@settings(max_examples=60)
@given(
    st.one_of(
        st.text(max_size=300),
        st.lists(
            st.sampled_from(["Node:", "\n", "1: boil water", "2. a", "(START,1)", "(1,2)", "(9,END)", "("])
        ).map("".join),
    )
)
def test_any_reply_scores_between_zero_and_one(reply: str) -> None:
    for scoring in ("faithful", "strict"):
        for scores in score(reply, FORK, HASHING, scoring).values():
            assert all(0.0 <= value <= 1.0 for value in scores.values())


@pytest.mark.timeout(100)
@pytest.mark.parametrize(
    "reply",
    [
        "Node:" + "1" * 200_000,
        "Node:\n" + "1: boil water\n" * 5_000 + "(START,1)" * 5_000,
        "Node:\n" + "(" * 200_000 + " (START, 1)",
        "Node: 1: x (START," + "9" * 50_000 + ")",
    ],
    ids=["digits", "a loop", "brackets", "a long number"],
)
def test_hostile_replies_are_scored_at_once(reply: str) -> None:
    for scoring in ("faithful", "strict"):
        score(reply, FORK, HASHING, scoring)


def test_a_copy_of_gold_in_which_a_step_stands_twice_is_equal_to_it() -> None:
    names = ["open the drawer", "take the key", "go to the door", "take the key", "open the drawer"]
    gold = render(names, [("START", 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, "END")])
    assert headline(score(gold, gold, HASHING, "strict")) == pytest.approx(1.0)
    unreadable = render(["{}", "—"], [("START", 1), (1, 2), (2, "END")])
    assert headline(score(unreadable, unreadable, HASHING, "strict")) == pytest.approx(1.0)


def edges_of(flow: str) -> list[tuple[int | str, int | str]]:
    read = parse(flow, "strict")
    assert read is not None
    last = len(read.nodes) - 1
    return [("START" if tail == 0 else tail, "END" if head == last else head) for tail, head in read.edges]


@pytest.mark.parametrize("more", [[("START", 3)], [(1, 3)], [("START", 2), (1, "END")]])
def test_edges_that_others_imply_cost_precision(more: list[tuple[int | str, int | str]]) -> None:
    names = ["boil water", "add tea leaves", "pour a cup"]
    graph = score(render(names, [*edges_of(CHAIN), *more]), CHAIN, HASHING, "strict")["graph"]
    assert graph["recall"] == 1.0
    assert graph["precision"] == pytest.approx(4 / (4 + len(more)))


def test_a_circle_is_no_workflow_and_all_edges_are_none_either() -> None:
    names = ["boil water", "add tea leaves", "pour a cup"]
    every = [(tail, head) for tail in ("START", 1, 2, 3) for head in (1, 2, 3, "END") if tail != head]
    for edges in ([*edges_of(CHAIN), (3, 1)], every):
        assert score(render(names, edges), CHAIN, HASHING, "strict")["graph"]["f1_score"] == 0.0
        assert score(render(names, edges), CHAIN, HASHING)["graph"]["f1_score"] == pytest.approx(1.0)


def test_an_edge_past_a_node_that_was_left_out_is_right() -> None:
    short = render(["boil water", "pour a cup"], [("START", 1), (1, 2), (2, "END")])
    graph = score(short, CHAIN, HASHING, "strict")["graph"]
    assert graph["precision"] == graph["recall"] * 3 / 2  # of what is connected, nothing is taken off


def test_the_edges_that_no_others_imply_are_those_of_the_transitive_reduction() -> None:
    draw = random.Random(3)
    for _ in range(200):
        nodes = draw.sample(range(-1, 12), 12)
        pairs = [(tail, head) for i, tail in enumerate(nodes) for head in nodes[i + 1 :]]
        graph = nx.DiGraph(draw.sample(pairs, draw.randint(1, 30)))
        some = draw.sample(list(graph.edges), draw.randint(1, len(graph.edges)))
        assert _needed(graph, some) == set(nx.transitive_reduction(graph).edges) & set(some)


def test_a_long_chain_is_scored_in_time_that_grows_with_its_length_only() -> None:
    steps = 8_000
    edges = [("START", 1), *((i, i + 1) for i in range(1, steps))]
    reply = render(["a"] * steps, edges)
    begun = time.process_time()
    score(reply, CHAIN, HASHING, "strict")
    assert time.process_time() - begun < 5  # 0.1 s; with a whole reduction 20 s
