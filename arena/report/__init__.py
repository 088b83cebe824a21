"""What a run says: scores, differences to the baseline, failures."""
