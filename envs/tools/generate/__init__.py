"""Draws tasks for the tool benchmarks from templates: any seed gives other tasks, the same seed the same."""
