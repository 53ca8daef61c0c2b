"""What a run does about trouble, and says of it: refusals in a row, messages."""
