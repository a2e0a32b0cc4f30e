"""Ask/tell searchers over the NAS-Bench-201 space."""
