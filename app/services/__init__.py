"""What the service can do: use cases above the store and below the API, CLI and workers."""
