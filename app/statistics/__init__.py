"""What a data set is like, in numbers; pure."""
