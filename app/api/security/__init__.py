"""Who may call what: API keys, scopes, and the rules for callers on this machine."""
