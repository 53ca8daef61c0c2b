"""The stages as the code of the Self-Instruct paper runs them."""
