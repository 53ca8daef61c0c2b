"""Filters of damaged texts: empty, cut off, in a loop, with remains of prompts and templates."""
