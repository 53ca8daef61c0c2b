"""Trouble of a run and the messages about it: refusals in a row, last words."""
