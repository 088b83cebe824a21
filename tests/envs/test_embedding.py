"""Sentence encoders."""

import threading

import numpy as np
import pytest

from envs import embedding
from envs.embedding import Encoder, encoder
from envs.errors import EnvsError


def test_hashing_counts_words_whatever_their_case_and_order() -> None:
    hashing = encoder("hashing")
    assert hashing.cosine("Boil the water", "water, boil the") == pytest.approx(1.0)
    assert hashing.cosine("boil water", "boil eggs") == pytest.approx(0.5)
    assert hashing.cosine("", "boil") == 0.0


def test_a_text_is_encoded_once() -> None:
    seen: list[str] = []

    def encode(texts):
        seen.extend(texts)
        return np.ones((len(texts), 2))

    counting = Encoder("counting", encode)
    counting(["a", "b", "a"])
    counting(["b", "c"])
    assert seen == ["a", "b", "c"]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedding, "MAX_REMEMBERED_TEXTS", 10)
    counting = Encoder("counting", lambda texts: np.ones((len(texts), 2)))
    for i in range(100):
        assert counting([f"a{i}", f"b{i}"]).shape == (2, 2)
    assert len(counting._seen) <= 10


def test_threads_may_share_an_encoder() -> None:
    shared = encoder("hashing")
    failures: list[Exception] = []

    def work(i: int) -> None:
        try:
            for j in range(50):
                assert shared.cosine(f"w{i} w{j}", f"w{i} w{j}") == pytest.approx(1.0)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures


def test_wordllama_works_without_a_network_and_knows_synonyms() -> None:
    pytest.importorskip("wordllama", reason="needs arena[embed]")
    llama = encoder("wordllama")
    assert llama.cosine("buy a car", "purchase an automobile") > llama.cosine("buy a car", "boil the water")
    assert llama.cosine("", "") in (0.0, pytest.approx(1.0))


def test_the_official_name_may_carry_its_repository() -> None:
    with pytest.raises(EnvsError, match="no encoder is called"):
        encoder("bert")
    assert embedding.default_name() in embedding.NAMES
