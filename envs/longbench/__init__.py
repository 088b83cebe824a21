"""LongBench (version 1): questions about long texts, in English and Chinese."""
