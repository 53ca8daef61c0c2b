"""The documentation page of the API, with all its files: it needs no internet."""
