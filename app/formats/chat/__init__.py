"""Conversations: OpenAI messages and ShareGPT, turns, cleaning as Vicuna did."""
