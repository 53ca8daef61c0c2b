"""Training and evaluation jobs, and the contract between a job and a trainer."""
