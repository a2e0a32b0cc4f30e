"""Two datasets side by side: the same networks on other images, or trained in another way."""

from experiments.paper.side_by_side.result import side_by_side

__all__ = ["side_by_side"]
