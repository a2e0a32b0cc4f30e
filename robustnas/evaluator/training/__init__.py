"""Training: recipes, augmentation, checkpoints."""
