"""Queries on versions of data sets and their rows."""
