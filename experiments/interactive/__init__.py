"""What is called by hand, in a notebook or a script: `robustnas.search`, `robustnas.compare`, `robustnas.benchmark`."""
