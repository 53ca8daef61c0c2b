"""The database: tables and queries, the same on SQLite and PostgreSQL."""
