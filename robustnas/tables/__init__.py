"""Tables: numbers over a search space, and datasets by name."""
