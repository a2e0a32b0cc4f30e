"""The robustness paper from the database alone: every result as data, figures and a section of one page; and more."""
