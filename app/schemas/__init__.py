"""JSON bodies of the HTTP API: the API builds them, the CLI reads them."""
