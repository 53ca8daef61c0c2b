"""Reading of instances: JSON, tables, tags and labels."""
