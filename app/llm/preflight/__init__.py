"""The preflight of a run: short questions that test the endpoint and find its capabilities."""
