"""What was recorded elsewhere: logs of other harnesses come in, our runs go out, replies are re-scored."""
