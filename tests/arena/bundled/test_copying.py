"""An untrained model copies what it has read before, whatever that is."""

import pytest
import torch

from arena.bundled.learning import new_model


@pytest.mark.parametrize("apart", [0, 200])
def test_what_came_before_comes_again_wherever_it_stood(apart: int):
    model = new_model(3)
    draws = torch.Generator().manual_seed(5)
    names = torch.randint(5, model.config.vocab_size, (6, 30), generator=draws)
    between = torch.randint(5, model.config.vocab_size, (6, apart), generator=draws)
    ids = torch.cat([names, between, names], 1)
    with torch.no_grad():
        best = model(input_ids=ids[:, :-1], use_cache=False).logits.argmax(-1)
    again = slice(30 + apart, None)
    assert (best[:, again] == ids[:, 1:][:, again]).float().mean() > 0.8
    assert (best[:, :29] == ids[:, 1:30]).float().mean() < 0.1  # nothing to copy yet
