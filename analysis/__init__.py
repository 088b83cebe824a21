"""Numbers in, numbers out: the statistics behind Arena's reports. Loads no model and reads no run."""
