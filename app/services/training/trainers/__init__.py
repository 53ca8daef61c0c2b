"""Who does a job: this machine with torch, an external trainer, a webhook."""
