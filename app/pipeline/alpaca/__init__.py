"""Stanford Alpaca's single stage, prompt and reading rules."""
