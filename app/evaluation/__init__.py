"""Figures of a tuned model's abilities: answers in, values out. No torch, no database."""
