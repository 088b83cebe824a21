"""What the debugger's screens read and say: a run held open in threads, its failures, turns and tokens."""
