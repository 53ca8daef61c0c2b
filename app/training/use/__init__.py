"""Inference with a tuned model: answers, evaluation, chat."""
