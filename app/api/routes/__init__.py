"""The endpoints, one file for each resource; each calls one service function."""
