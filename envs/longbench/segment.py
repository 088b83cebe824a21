"""Cutting Chinese text into words, by jieba."""

from functools import cache
from importlib.util import find_spec
from typing import Any

from platformdirs import user_cache_path

from envs.errors import MissingPackage


def words(text: str) -> list[str]:
    """Return the words of a text, blanks and punctuation included. Raises `MissingPackage` without jieba."""
    return list(_tokenizer().cut(text, cut_all=False))


@cache
def _tokenizer() -> Any:
    if find_spec("jieba") is None:
        raise MissingPackage("scoring Chinese texts needs jieba", "pip install 'arena[longbench]'")
    import jieba

    jieba.setLogLevel("ERROR")
    tokenizer = jieba.Tokenizer()
    # jieba keeps its parsed dictionary, unpickled on the next start, in a folder that everybody may write to
    folder = user_cache_path("arena") / "jieba"
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.tmp_dir = str(folder)
    return tokenizer
