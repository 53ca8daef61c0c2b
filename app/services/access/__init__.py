"""API keys: creation, verification, revocation."""
