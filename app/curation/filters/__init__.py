"""Filters of single rows, one a file, named after its reason; `app.curation.table` orders them."""
