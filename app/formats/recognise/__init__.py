"""Recognition of files by their content: the kind of file, its encoding, its format."""
