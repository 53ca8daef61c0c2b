"""Queries on work items, tickets, replies, instructions, batches, endpoint state."""
