"""Architecture design: equal size and unequal robustness, what operations do where, size, and the best in common."""
