"""The contest: agents, episodes, matches, runs and their scores."""

__version__ = "0.1.0"
