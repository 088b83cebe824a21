"""A turn token by token: rows, the best tokens of both models at one, and which token is to blame."""

from textual.content import Content

from arena.divergence import Choice, Token, TurnDivergence
from arena.divergence.tables import LEGEND, MARK, SIGNS, measures, verdict
from arena.protocol.quoting import excerpt
from tui.debugging.rows import BAD, GOOD, MARKED, MUTED
from tui.literal import literal, literal_line

_STYLES = {
    "same": MUTED,
    "compression": "$text-warning",
    "numerics": "$text-accent",
    "sampling": "$text-accent",
    "respelt": "$text-accent",
}
_AROUND_CHARS = 60


def token_heading(width: int) -> Content:
    """Return the names of the columns."""
    text, ranks = _text_width(width), _ranks_width(width)
    models = f"{'base':<{text}}   % {'compressed':<{text}}   %"
    words = f"    {'#':>3} {'written':<{text}} {'part':<14} {models} {'ranks':<{ranks}}    KL"
    return Content.styled(words, f"bold {MUTED}")


def draw_token(found: TurnDivergence, place: int, width: int) -> Content:
    """Return a row: what was written, what each model would have written there, how far apart they are."""
    token, text = found.tokens[place], _text_width(width)
    is_marked = found.marked is token
    style = f"bold {BAD}" if is_marked else _STYLES[token.label]
    base, other = token.base[0], token.other[0]
    ranks = f"{token.base_rank}/{token.other_rank}"
    return Content.assemble(
        (f" {MARK if is_marked else SIGNS[token.label]} {token.place:>3} {_token(token.text, text)} ", style),
        (f"{token.part[:14]:<14} ", MUTED),
        (_best(base, text), GOOD if token.differs else MUTED),
        (_best(other, text), style),
        (f"{ranks:<{_ranks_width(width)}} {token.kl:5.2f}", MUTED),
    )


def best_tokens(token: Token) -> Content:
    """Return the best tokens of both models beside each other, and the measures of how far they are apart."""
    words = f"  {f'base at {token.place}':<16}     %    {'compressed':<16}     %"
    lines = [Content.styled(words, "bold $text-primary")]
    for base, other in zip(token.base, token.other, strict=True):
        lines.append(Content.assemble(*_choice(base, token.text), "  ", *_choice(other, token.text)))
    lines.append(Content.styled(measures(token, len(token.base)), MUTED))
    return Content("\n").join(lines)


def blame(found: TurnDivergence) -> Content:
    """Return in sentences which token changes the action, and how that is known."""
    first, *more = verdict(found)
    lines = [Content.styled(literal_line(first, 400), f"bold {BAD}" if found.cause else "bold")]
    lines += [Content(literal_line(line, 400)) for line in more]
    if found.rewritten:
        lines.append(
            Content.styled("the reply's text gives other tokens than were written: its own are read", MUTED)
        )
    if found.cut_tokens:
        lines.append(Content.styled(f"the first {found.cut_tokens} tokens of the prompt did not fit", MUTED))
    return Content("\n").join(lines)


def reply_at(found: TurnDivergence, token: Token) -> Content:
    """Return the reply with a token marked; what is far from it is left out."""
    start, end = token.span
    before, behind = found.reply[:start], found.reply[end:]
    return Content.assemble(
        "…" if len(before) > _AROUND_CHARS else "",
        literal(before[-_AROUND_CHARS:]).replace("\n", "↵"),
        ("⟦", f"bold {BAD}"),
        (literal(found.reply[start:end]).replace("\n", "↵"), MARKED),
        ("⟧", f"bold {BAD}"),
        literal(behind[:_AROUND_CHARS]).replace("\n", "↵"),
        "…" if len(behind) > _AROUND_CHARS else "",
    )


def start_of(found: TurnDivergence) -> int:
    """Return the token to look at first: that which changes the action, else the first that differs."""
    token = found.marked or found.first or next((each for each in found.tokens if each.differs), None)
    return token.place if token else 0


def next_differing(found: TurnDivergence, place: int, by: int) -> int | None:
    """Return the next token (or the last before) at which the base differs; None beyond the last."""
    places = [token.place for token in found.tokens if token.differs and (token.place - place) * by > 0]
    if not places:
        return None
    return min(places) if by > 0 else max(places)


def legend() -> str:
    """Return what the signs before a token mean."""
    return LEGEND


def _choice(choice: Choice, written: str) -> tuple[str | tuple[str, str], ...]:
    is_written = choice.text == written
    return (
        "▸ " if is_written else "  ",
        (f"{_token(choice.text, 16)}{100 * choice.probability:5.1f}", "bold" if is_written else ""),
    )


def _best(choice: Choice, width: int) -> str:
    return f"{_token(choice.text, width)} {100 * choice.probability:3.0f} "


def _token(text: str, width: int) -> str:
    """Return a token in `width` cells, its spaces visible."""
    shown = literal(excerpt(text.replace(" ", "␣"), 4 * width))
    return f"{shown:<{width}}" if len(shown) <= width else f"{shown[: width - 1]}…"


def _text_width(width: int) -> int:
    return 10 if width < 100 else 18


def _ranks_width(width: int) -> int:
    return 7 if width < 100 else 13
