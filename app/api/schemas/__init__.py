"""What requests and responses look like in JSON."""
