"""The report and the card of a data set."""
