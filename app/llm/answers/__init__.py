"""The parts of a model's answer: its text and reasoning, and why it ended."""
