"""Training and evaluation jobs, and the interface between a job and its trainer."""
