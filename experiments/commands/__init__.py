"""The commands that run searches and experiments."""
