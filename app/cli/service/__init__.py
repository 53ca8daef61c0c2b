"""Connection to the service: HTTP client, event stream, start of an embedded stack."""
