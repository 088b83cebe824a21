"""What a contestant as typed means, and which engines there are."""

from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from arena.engines import registry
from arena.engines.base import Completion, Engine
from arena.engines.expert import ExpertEngine
from arena.engines.openai_http import OpenAIEngine
from arena.engines.registry import engine_kinds, make_engine, parse_contestant
from arena.engines.script import ScriptEngine
from arena.errors import EngineError, UsageError

SECRET = "sk-very-secret-0123456789"


class EchoEngine(Engine):
    """An engine of another package."""

    def __init__(self, argument: str, *, loud: bool = False, times: int = 1) -> None:
        self.argument, self.loud, self.times = argument, loud, times

    async def complete(self, requests):
        return [Completion(self.argument, "stop") for _ in requests]

    def identity(self):
        return {"engine": "echo"}


def anything(argument: str, **options):
    engine = EchoEngine(argument)
    engine.options = options
    return engine


def nothing(argument: str):
    return object()


@pytest.fixture
def plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    points = [
        EntryPoint("echo", f"{__name__}:EchoEngine", "arena.engines"),
        EntryPoint("anything", f"{__name__}:anything", "arena.engines"),
        EntryPoint("nothing", f"{__name__}:nothing", "arena.engines"),
        EntryPoint("expert", f"{__name__}:EchoEngine", "arena.engines"),
        EntryPoint("broken", "no_such_module:Engine", "arena.engines"),
    ]
    monkeypatch.setattr(registry, "entry_points", lambda group: points if group == "arena.engines" else [])


def test_the_spec_is_the_name_where_none_is_given():
    spec = parse_contestant("expert")
    assert (spec.name, spec.spec, spec.engine_options, spec.settings) == ("expert", "expert", {}, {})
    assert parse_contestant("gptq-w4.1_x=openai:http://h/v1#m,max_tokens=5").name == "gptq-w4.1_x"


def test_options_are_sorted_into_the_engines_and_the_contestants_and_typed():
    spec = parse_contestant(
        "awq=openai:http://localhost:1/v1#m,protocol=json,retries=2,timeout=1.5,max_tokens=200,"
        "temperature=0.7,example=false,stop=Observation:"
    )
    assert spec.spec == "openai:http://localhost:1/v1#m"
    assert spec.engine_options == {"retries": 2, "timeout": 1.5}
    assert spec.settings == {
        "protocol": "json",
        "max_tokens": 200,
        "temperature": 0.7,
        "example": False,
        "stop": ("Observation:",),
    }


def test_the_later_of_two_values_holds():
    assert parse_contestant("expert,max_tokens=1,max_tokens=2").settings == {"max_tokens": 2}


def test_a_comma_with_a_backslash_belongs_to_the_value():
    spec = parse_contestant(r'expert,stop=["a"\, "b=c"]')
    assert spec.settings == {"stop": ("a", "b=c")}
    assert parse_contestant(r"expert,stop=a\,b").settings == {"stop": ("a,b",)}


@pytest.mark.parametrize(
    ("text", "name", "spec"),
    [
        ("openai:http://h/v1?api-version=2#m", None, "openai:http://h/v1?api-version=2#m"),
        ("azure=openai:http://h/v1?api-version=2#m", "azure", "openai:http://h/v1?api-version=2#m"),
        (r"openai:http://h/v1?a=1\,2#m", None, "openai:http://h/v1?a=1,2#m"),
        ("hf:models/lr=0.1/final", None, "hf:models/lr=0.1/final"),
        ("org/name", None, "org/name"),
        ("base=org/name", "base", "org/name"),
    ],
)
def test_equals_signs_and_commas_in_a_spec_are_its_own(
    text: str, name: str | None, spec: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(registry, "_factory", lambda kind: EchoEngine)
    found = parse_contestant(text)
    assert (found.name, found.spec) == (name or spec, spec)


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("exprt", "no engine is called 'exprt'", "did you mean expert?"),
        ("opnai:http://x", "no engine is called 'opnai'", "did you mean openai?"),
        ("qqq", "no engine is called 'qqq'", "engines: hf, vllm, openai, expert"),
        ("http://127.0.0.1:8000/v1", "a URL is no contestant", "openai:URL#MODEL"),
        ("expert:now", "expert takes nothing after the colon", "write expert"),
        ("openai", "openai needs more than its name", "write openai:URL"),
        ("script:", "script needs more than its name", "write script:FILE"),
        ("./no/such/model", "there is no model ./no/such/model", ""),
        ("my model=expert", "'my model' is no name", "letters"),
        ("=expert", "'' is no name", "letters"),
        ("base=", "a contestant needs a SPEC", "NAME="),
        ("", "a contestant needs a SPEC", "NAME="),
        ("expert,max_token=5", "has no option 'max_token'", "did you mean max_tokens"),
        ("openai:http://h/v1#m,retry=5", "has no option 'retry'", "did you mean retries"),
        ("expert,repeats=5", "has no option 'repeats'", ""),
        ("expert,protocol=yaml", "option protocol=yaml", ""),
        ("expert,max_tokens=0", "option max_tokens=0: Input should be greater", ""),
        ("expert,max_tokens=many", "option max_tokens=many: Input should be a valid integer", ""),
        ("expert,stop=[1", "option stop begins with [", ""),
        ("openai:http://h/v1#m,retries=-1", "option retries=-1", ""),
        ("expert,json", "option 1 of expert has not the form name=value", ""),
        ("expert,=1", "option 1 of expert has not the form name=value", ""),
    ],
)
def test_what_means_nothing_is_refused_with_the_nearest_that_does(text: str, message: str, hint: str):
    with pytest.raises(UsageError) as refused:
        parse_contestant(text)
    assert message in refused.value.message
    assert hint in refused.value.next_step


@pytest.mark.parametrize(
    "text",
    [
        f"openai:http://h/v1#m,api_key={SECRET}",
        f"openai:http://h/v1#m,API-KEY={SECRET}",
        f"openai:http://h/v1#m,openai_api_key={SECRET}",
        f"openai:http://h/v1#m,apikey={SECRET}",
        f"openai:http://h/v1#m,token={SECRET}",
        f"openai:http://h/v1#m,{SECRET}",
        f"openai:http://h/v1#m,apikye={SECRET}",
        f"openai:http://user:{SECRET}@h/v1#m",
        f"openai:http://{SECRET}@h/v1#m",
        f"openai:http://h/v1?api_key={SECRET}#m",
        f"opnai:http://user:{SECRET}@h/v1#m",
    ],
)
def test_a_key_in_a_contestant_is_refused_and_not_repeated(text: str):
    with pytest.raises(UsageError) as refused:
        make_engine(parse_contestant(text).spec)
    assert SECRET not in refused.value.message + refused.value.next_step


@pytest.mark.parametrize("option", ["api_key", "API-KEY", "openai_api_key", "apikey", "token", "password"])
@pytest.mark.usefixtures("plugins")
def test_a_key_as_an_option_is_refused_with_the_place_where_it_belongs(option: str):
    for attempt in (
        lambda: parse_contestant(f"anything:x,{option}={SECRET}"),
        lambda: make_engine("anything:x", {option: SECRET}),
    ):
        with pytest.raises(UsageError, match="can't be part of a contestant") as refused:
            attempt()
        assert "ARENA_API_KEY" in refused.value.next_step


def test_engines_are_made_with_options_typed_or_as_text(tmp_path: Path):
    assert isinstance(make_engine("expert"), ExpertEngine)
    engine = make_engine("openai:http://h/v1#m", {"concurrency": "3", "retries": 1})
    assert isinstance(engine, OpenAIEngine)
    assert engine.concurrency == 3
    (tmp_path / "s.txt").write_text("look\n")
    assert isinstance(make_engine(f"script:{tmp_path}/s.txt", {"latency_s": "0.5"}), ScriptEngine)
    with pytest.raises(UsageError, match="engine expert has no option 'latency_s'"):
        make_engine("expert", {"latency_s": 1})


def test_models_may_be_given_bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    asked = []

    def hf(model: str, *, dtype: str = "auto") -> EchoEngine:
        asked.append((model, dtype))
        return EchoEngine(model)

    monkeypatch.setattr(registry, "_factory", lambda kind: {"hf": hf}[kind])
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder/config.json").write_text("{}")
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    specs = [str(tmp_path / "folder"), str(tmp_path / "model.gguf"), "org/name", "smollm2", "hf:x/y"]
    for spec in specs:
        make_engine(spec, {"dtype": "float32"})
    assert asked == [(model, "float32") for model in [*specs[:3], "smollm2", "x/y"]]
    (tmp_path / "folder/config.json").unlink()
    with pytest.raises(UsageError, match="neither a folder with"):
        make_engine(str(tmp_path / "folder"))


def test_an_engine_whose_package_is_missing_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(registry, "find_spec", lambda name: None)
    with pytest.raises(EngineError, match="hf needs the package torch, transformers") as refused:
        make_engine("hf:x")
    assert refused.value.next_step == "pip install torch transformers"
    assert {card.kind: card.state for card in engine_kinds()}["hf"] == "needs-package"


@pytest.mark.usefixtures("plugins")
def test_other_packages_engines_get_their_argument_and_typed_options():
    engine = make_engine("echo:a:b", {"loud": "true", "times": "3"})
    assert (engine.argument, engine.loud, engine.times) == ("a:b", True, 3)
    spec = parse_contestant("me=echo,loud=yes,max_tokens=3")
    assert (spec.engine_options, spec.settings) == ({"loud": True}, {"max_tokens": 3})
    assert make_engine("anything:x", {"colour": "red"}).options == {"colour": "red"}
    with pytest.raises(UsageError, match="no option 'lod'") as refused:
        parse_contestant("echo,lod=1")
    assert refused.value.next_step == "did you mean loud?"


@pytest.mark.usefixtures("plugins")
def test_other_packages_can_not_replace_a_built_in_engine():
    assert isinstance(make_engine("expert"), ExpertEngine)
    assert [card.form for card in engine_kinds() if card.kind == "expert"] == ["expert"]


@pytest.mark.usefixtures("plugins")
def test_a_broken_plugin_is_one_sentence():
    with pytest.raises(EngineError, match=r"engine 'broken' \(no_such_module:Engine\) can't be loaded"):
        make_engine("broken:x")
    with pytest.raises(EngineError, match="gave no arena"):
        make_engine("nothing")


@pytest.mark.usefixtures("plugins")
def test_every_kind_of_engine_has_a_card():
    cards = {card.kind: card for card in engine_kinds()}
    assert {"hf", "openai", "expert", "random", "script", "replay", "smollm2", "echo"} <= cards.keys()
    assert cards["openai"].form == "openai:URL[#MODEL]"
    assert cards["random"].form == "random"
    assert cards["echo"].form == "echo:…"
    assert cards["expert"].state == "ready"
    for card in cards.values():
        assert (card.state == "ready") != bool(card.mend)
        assert card.what
