"""What a person can do with runs: start, list, inspect, pause, resume, extend."""
