"""An OpenAI-compatible endpoint on loopback for a tuned model and its base model."""
