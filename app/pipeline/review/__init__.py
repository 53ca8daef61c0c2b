"""Stages that work on existing rows: answer again, or judge."""
