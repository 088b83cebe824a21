"""Turns of a compressed contestant beside its base: one with its cause, or a whole episode's or run's."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from arena.analyzing.trajectories import Account
from arena.divergence.findings import Choice, Label, Token, TurnDivergence
from arena.divergence.pair import Pair
from arena.divergence.strands import END, SentTurn, sent_turns, strands
from arena.errors import UsageError
from arena.records import EpisodeKey, Turn

if TYPE_CHECKING:
    from arena.divergence.scoring import Read, Scores

TOP_K = 5
_IN_A_BATCH = "in other batches"
_IN_ANOTHER_ENGINE = "in other batches and in another engine"


def diverge_turn(
    pair: Pair, key: EpisodeKey, turn: int, k: int = TOP_K, *, search: bool = True
) -> TurnDivergence:
    """Return a turn (from 0) of a compressed contestant's episode, token by token beside its base.

    `k` best tokens of each model are told. `search` looks for the token that changes the action: the base
    goes on from before each token that it would not have written, until that gives another action. Takes
    seconds with a small model; raises `UsageError` where there is no such turn or its prompt can't be built
    again, `ArenaError` where a model fails.
    """
    account = Account()
    found = list(sent_turns(pair, account, key, turn))
    if not found:
        reason = "its prompt can't be built again" if account.unlike else "there is no such turn"
        raise UsageError(
            f"turn {turn + 1} of {key.contestant} on {key.task} can't be read: {reason}",
            "read it with the Arena version and the data it was played with"
            if account.unlike
            else "`arena watch` shows the turns",
        )
    (divergence,) = _diverge(pair, found, k, lambda turn: search)
    return divergence


def diverge_episode(pair: Pair, key: EpisodeKey, k: int = TOP_K) -> list[TurnDivergence]:
    """Return all turns of an episode, read in one pass where each prompt goes on from the turn before.

    Nothing is searched for: `cause` is None, `searched` False. Turns whose prompts can't be built again are
    left out. Raises `ArenaError` where a model fails.
    """
    return list(_diverge(pair, sent_turns(pair, Account(), key), k, lambda turn: False))


def diverge_run(
    pair: Pair, account: Account, k: int = TOP_K, search: Callable[[Turn], bool] = lambda turn: False
) -> Iterator[TurnDivergence]:
    """Yield the turns of all finished episodes of the compressed contestant, as `diverge_episode`.

    `search` says of which turns the cause is looked for. Turns whose prompts can't be built again are counted
    in `account`. Raises `ArenaError` where a model fails.
    """
    for _, episode in groupby(sent_turns(pair, account), key=lambda turn: turn.sent.key):
        yield from _diverge(pair, episode, k, search)


def first_failures(count: int) -> Callable[[Turn], bool]:
    """Return a `search` for `diverge_run`: the first so many turns that gave no action."""
    left = iter(range(count))
    return lambda turn: turn.failure is not None and next(left, None) is not None


def _diverge(
    pair: Pair, turns: Iterable[SentTurn], k: int, search: Callable[[Turn], bool]
) -> Iterator[TurnDivergence]:
    from arena.divergence.causal import find_cause
    from arena.divergence.scoring import read_strand

    end_token = min(pair.other.loaded.stop_ids, default=0)
    for strand in strands(turns, end_token):
        read = read_strand(pair.base, pair.other, strand, k, pair.control)
        for turn in strand.turns:
            found = _turn(pair, turn, read)
            if search(turn.sent.turn):
                found = replace(found, cause=find_cause(pair, turn, found.tokens), searched=True)
            yield found


def _turn(pair: Pair, turn: SentTurn, read: "Read") -> TurnDivergence:
    scores, noise = read.of(turn)
    recorded = turn.sent.turn
    ends = _ends(pair, turn, scores)
    count = len(turn.reply) + ends
    end_offset = (len(recorded.reply), len(recorded.reply))
    may_be_drawn = _may_be_drawn(pair, turn)
    offsets, parts = (*turn.offsets, end_offset), (*turn.parts, END)
    return TurnDivergence(
        baseline=pair.baseline,
        key=turn.sent.key,
        turn=recorded.index,
        reply=recorded.reply,
        action=recorded.action,
        failure=recorded.failure,
        tokens=tuple(
            _token(pair, scores, place, offsets[place], parts[place], noise, may_be_drawn=may_be_drawn)
            for place in range(count)
        ),
        noise=noise,
        control=_IN_ANOTHER_ENGINE if pair.control else _IN_A_BATCH,
        rewritten=not _stops(pair, turn) and recorded.completion_tokens not in (0, count),
        cut_tokens=turn.cut_tokens,
        parts_at_stop=not ends
        and recorded.finish_reason != "length"
        and bool(_stops(pair, turn))
        and int(scores["base_top"][-1, 0]) != int(scores["other_top"][-1, 0]),
    )


def _ends(pair: Pair, turn: SentTurn, scores: "Scores") -> bool:
    """Tell whether the reply ended with a token of its own, not at a limit or a stop string."""
    recorded = turn.sent.turn
    if recorded.finish_reason == "length" or not pair.other.loaded.stop_ids:
        return False
    if int(scores["other_top"][-1, 0]) in pair.other.loaded.stop_ids:
        return True
    return not _stops(pair, turn) and recorded.completion_tokens == len(turn.reply) + 1


def _stops(pair: Pair, turn: SentTurn) -> tuple[str, ...]:
    """Return the strings that end a reply; its tokens from there on were written, but are not recorded."""
    return pair.chat.stops(turn.sent.request.sampling.stop)


def _may_be_drawn(pair: Pair, turn: SentTurn) -> bool:
    """Tell whether a token may have been written for another reason than that the model preferred it."""
    is_constrained = "constrained" in pair.contestant.get("identity", {}).get("engine", {})
    return is_constrained or turn.sent.request.sampling.temperature > 0


def _token(
    pair: Pair,
    scores: "Scores",
    place: int,
    span: tuple[int, int],
    part: str,
    noise: float,
    *,
    may_be_drawn: bool,
) -> Token:
    at = {name: values[place] for name, values in scores.items()}
    token_id = int(at["token"])
    base_probes, other_probes = at["base_probes"], at["other_probes"]
    margin = float(base_probes[0] - base_probes[-1])
    return Token(
        place=place,
        token_id=token_id,
        text=pair.chat.token_text(token_id),
        span=span,
        part=part,
        base=_choices(pair, at["base_top"], at["base_top_p"]),
        other=_choices(pair, at["other_top"], at["other_top_p"]),
        base_rank=int(at["base_rank"]),
        other_rank=int(at["other_rank"]),
        base_probability=float(at["base_p"]),
        other_probability=float(at["other_p"]),
        jaccard=float(at["jaccard"]),
        kendall=float(at["kendall"]),
        energy_gap=float(at["energy_gap"]),
        base_entropy=float(at["base_entropy"]),
        entropy=float(at["other_entropy"]),
        kl=float(at["kl"]),
        margin=margin,
        label=_label(
            token_id,
            int(at["base_top"][0]),
            int(at["other_top"][0]),
            margin,
            float(abs(base_probes - other_probes).max()),
            float(other_probes[len(at["base_top"])] - other_probes[-1]),
            noise,
            may_be_drawn=may_be_drawn,
        ),
    )


def _label(
    token: int,
    base_best: int,
    other_best: int,
    margin: float,
    apart: float,
    other_margin: float,
    noise: float,
    *,
    may_be_drawn: bool,
) -> Label:
    """Say why a token is not the base's choice.

    Two tokens change places where each moves by the noise, hence twice the noise. `apart` is the largest
    difference of the two models' log-probabilities; `other_margin` is how much more likely the compressed
    model's own choice is to itself than the written token.
    """
    if token == base_best:
        return "same"
    if margin <= 2 * noise or apart <= noise:
        return "numerics"
    if token != other_best and other_margin > 2 * noise:
        return "sampling" if may_be_drawn else "respelt"
    return "compression"


def _choices(
    pair: Pair, tokens: NDArray[Any], probabilities: NDArray[np.floating[Any]]
) -> tuple[Choice, ...]:
    return tuple(
        Choice(token, pair.chat.token_text(token), probability)
        for token, probability in zip(tokens.tolist(), probabilities.tolist(), strict=True)
    )
