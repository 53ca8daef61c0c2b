"""Training without torch: options, prompt templates, loss masks, tokenization."""
