"""Why turns failed: which, how each of them went, whose fault it was, and what would have mended it."""
