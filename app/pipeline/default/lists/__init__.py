"""Reading of task lists: numbers, bullets, tables, tags, JSON and plain lines."""
