"""Transfer: a network chosen by one attack, eps or dataset, used under another."""

from experiments.paper.transfer.result import transfer

__all__ = ["transfer"]
