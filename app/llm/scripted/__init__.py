"""A scripted model and the HTTP server that plays it: for tests, demos and dry runs."""
