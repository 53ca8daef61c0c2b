"""What was tuned, answering as an OpenAI-compatible endpoint on loopback, beside its base model."""
