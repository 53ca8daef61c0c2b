"""The connection to the service: HTTP client, event stream, starting an embedded one."""
