"""One seed for one reply: the same for every contestant, another for every turn and repeat."""

import hashlib

from arena.engines.base import Request


def reply_seed(request: Request) -> int:
    """Return a seed (31 bits) made of the sampling seed, the task, the repeat and the turn.

    It depends on nothing else, so a reply is the same whatever runs beside it; and since it differs between
    repeats, repeats of a sampled reply are different draws.
    """
    place = f"{request.sampling.seed}|{request.task}|{request.repeat}|{request.turn}"
    return int.from_bytes(hashlib.sha256(place.encode("utf-8", "surrogatepass")).digest()[:4], "big") >> 1
