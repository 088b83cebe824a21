"""Benchmarks as Gymnasium environments. Nothing in this package knows what a language model is."""
