"""The output of a training: adapter folder, merged weights, GGUF adapter."""
