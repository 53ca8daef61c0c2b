"""Versions of data sets: recipes, making, importing, reports, files."""
