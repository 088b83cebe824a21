"""LongGenBench: many questions in one prompt, all to be answered in one long reply."""
