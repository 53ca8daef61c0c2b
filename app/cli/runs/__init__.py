"""Commands that start, review, follow and control runs, and how runs look on a terminal."""
