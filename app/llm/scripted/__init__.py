"""A test aid, shipped for demos and dry runs: a scripted model and its HTTP server."""
