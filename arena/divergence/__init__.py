"""Where a compressed agent leaves its base: the turn, the token, and whether that token is to blame.

A turn's reply is read by both models as it was written (teacher forcing). Each token carries both models'
best tokens and how far apart they are; a token that the base would not have written is `compression`,
`numerics` (the base differs from itself as much, in another batch) or `sampling`. The token that changes the
action is found by letting the base go on from before it.

    pair = open_pair(run, "rtn-w3g32")          # slow: loads both models; keep it
    divergence = diverge_turn(pair, key, turn)   # a TurnDivergence
    divergence.tokens                            # one Token each, with base and other, best first
    divergence.marked, divergence.cause          # the token that changes the action, and what comes instead

`comparable` says which contestants of a run can be compared (without loading anything), `most_telling` which
turn to look at first, `diverge_episode` and `diverge_run` read many turns, `tally` adds
them up. Errors are `arena.errors`:
`Unsupported` for engines whose logits are elsewhere, `UsageError`, `EngineError`. Importing this package does
not import torch.
"""

from arena.divergence.findings import LABELS, Cause, Choice, Continuation, Label, Token, TurnDivergence
from arena.divergence.pair import Pair, comparable, open_pair
from arena.divergence.tally import PartTally, RunTally, tally
from arena.divergence.telling import Telling, most_telling
from arena.divergence.turns import TOP_K, diverge_episode, diverge_run, diverge_turn, first_failures

__all__ = [
    "LABELS",
    "TOP_K",
    "Cause",
    "Choice",
    "Continuation",
    "Label",
    "Pair",
    "PartTally",
    "RunTally",
    "Telling",
    "Token",
    "TurnDivergence",
    "comparable",
    "diverge_episode",
    "diverge_run",
    "diverge_turn",
    "first_failures",
    "most_telling",
    "open_pair",
    "tally",
]
