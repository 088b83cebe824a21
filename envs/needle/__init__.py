"""Needle in a haystack: one sentence, hidden at some depth of a long text, is asked for."""
