"""Data sets as Hugging Face repositories: the folder, its push, trainer entries."""
