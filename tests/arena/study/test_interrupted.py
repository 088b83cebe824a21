"""Ctrl-C while models are looked into: the page says what is known."""

from pathlib import Path
from typing import Any

import pytest
import typer

from arena.cli.study import _write_page


def test_a_look_inside_that_is_ended_leaves_a_page_of_what_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    given: list[Any] = []

    def analyses(run: Path, folder: Path, tell: Any, *, goes_on: bool = True) -> list[dict[str, Any]]:
        if goes_on:
            raise KeyboardInterrupt
        return [{"models": {"known": {}}}]

    def document(run: Path, found: Any, telling: Any) -> dict[str, Any]:
        given.extend([found, telling])
        return {"claims": [], "reports": []}

    monkeypatch.setattr("arena.study.inside.analyses_of", analyses)
    monkeypatch.setattr("arena.study.telling.telling_of", lambda *_: {"contestant": "a"})
    monkeypatch.setattr("arena.study.document.study_document", document)
    monkeypatch.setattr("arena.study.page.study_page", lambda document: "the page")
    with pytest.raises(typer.Exit) as ended:
        _write_page(tmp_path / "run", tmp_path / "out", as_json=False)
    assert ended.value.exit_code == 1
    assert given == [[{"models": {"known": {}}}], {"contestant": "a"}]
    assert (tmp_path / "out/study.md").read_text() == "the page"
    assert "goes on from here" in capsys.readouterr().err
