"""A tuned model at work: answers, measurements, chat."""
