"""Trade-offs: Pareto fronts of clean against robust accuracy, and of accuracy against size, work and hardware costs."""
