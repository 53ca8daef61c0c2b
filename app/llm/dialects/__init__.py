"""Dialects of endpoints: which parameters each refuses, learnt from its refusals."""
