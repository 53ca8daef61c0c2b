"""Records read from files and written into the formats that trainers read, one file a format."""
