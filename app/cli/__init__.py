"""The command line: a client of the HTTP API, one sub-package for each resource."""
