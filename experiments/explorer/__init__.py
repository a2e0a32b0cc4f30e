"""The explorer: one self-contained HTML page on which a table, its noise and the runs of searches are looked at."""

from experiments.explorer.explorer import explorer_page, write_explorer

__all__ = ["explorer_page", "write_explorer"]
