"""Statistics of a data set: counts, lengths, labels, verbs; pure."""
