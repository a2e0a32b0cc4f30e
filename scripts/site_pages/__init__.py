"""The pages of the documentation site: those of `docs/`, and the reference, read from the source."""
