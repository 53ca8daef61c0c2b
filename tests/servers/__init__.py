"""Real servers for the tests, out of wheels: PostgreSQL and Valkey."""
