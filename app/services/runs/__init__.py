"""Actions of a person on runs: start, list, inspect, pause, resume, extend."""
