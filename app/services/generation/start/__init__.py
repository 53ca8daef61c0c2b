"""The start of a run: its endpoints are asked what they can do, its first work is planned."""
