"""The colours of the arena."""

from textual.theme import Theme

ARENA = Theme(
    name="arena",
    primary="#5aa9e6",
    secondary="#8d99ae",
    accent="#7cc4ff",
    success="#6cc788",
    warning="#e8b44f",
    error="#f0716b",
    foreground="#d9dee7",
    background="#10141b",
    surface="#161b24",
    panel="#222a36",
    dark=True,
    variables={
        "footer-key-foreground": "#7cc4ff",
        "footer-background": "#161b24",
        "block-cursor-text-style": "bold",
    },
)
