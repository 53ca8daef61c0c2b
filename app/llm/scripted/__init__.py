"""A scripted model and its HTTP server, for tests, demos and dry runs."""
