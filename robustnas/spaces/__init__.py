"""Search spaces: what can be searched."""
