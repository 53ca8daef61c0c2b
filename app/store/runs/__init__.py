"""Queries on runs: state, slots, events, seed sets, progress."""
