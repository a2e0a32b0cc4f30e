"""The noise floor: how far apart two trainings of one function are, and which differences it swallows."""
