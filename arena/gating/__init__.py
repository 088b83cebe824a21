"""The gate: may a compressed model ship? Pass, warn, fail, or not enough tasks to say."""
