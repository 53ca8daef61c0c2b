"""Endpoints that refuse calls, and what workers make of them."""
