"""The HTTP API: routes, their request and response schemas, and access control."""
