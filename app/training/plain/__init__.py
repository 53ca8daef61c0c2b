"""The part of training that needs no torch: options, prompts, masking, encoding."""
