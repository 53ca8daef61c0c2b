"""The Self-Instruct method, pure: text in, values out; no I/O, no clock, no settings."""
