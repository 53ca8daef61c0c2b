"""Behaviours of real endpoints, each a function from script to script, to be combined."""
