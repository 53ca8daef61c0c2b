"""Columns and kinds of files that records have no place for: named, counted or refused."""
