"""What a tuned model can do, in figures: answers in, values out. No torch, no database."""
