"""What a job leaves: the adapter folder, merged weights, a GGUF adapter."""
