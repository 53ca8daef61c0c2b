"""The words of a run that is in trouble: the messages that it pauses or ends with."""
