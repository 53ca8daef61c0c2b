"""The use cases of the service, above the store and below the API, CLI and workers."""
