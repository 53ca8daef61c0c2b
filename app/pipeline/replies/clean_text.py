"""Clean text: what every database and file takes."""


def cleaned(text: str) -> str:
    """Return a text without NUL bytes and halves of surrogate pairs."""
    return text.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
