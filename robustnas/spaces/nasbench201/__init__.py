"""NAS-Bench-201: cells of six edges with five operations each, and the networks that they make."""
