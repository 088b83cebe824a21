"""Checkpoints on disk: what they are, how large, and which content they hold."""
