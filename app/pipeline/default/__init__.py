"""The stages of the default profile: the method for chat models."""
