"""Commands that train, evaluate and serve models, and how jobs look on a terminal."""
