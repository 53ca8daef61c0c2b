"""The trainers: torch on this machine, configurations for other programs, a webhook."""
