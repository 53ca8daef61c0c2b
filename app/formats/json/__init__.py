"""Rows in JSON: lines, lists of any size, and strictly parsed values."""
