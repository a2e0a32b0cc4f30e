"""Square (Andriushchenko et al. 2020): random search with squares of pixels, by queries of the network alone.

The algorithm, its schedule and its draws are those of the authors' code (in pyautoattack), and so are the examples,
bit by bit where the network's rounding is. What is ours is that queries whose answer is known are not asked: a query
that leaves an image as it is changes nothing, and neither does a square that was refused before, if the image has not
changed since. Small images run out of new squares long before they run out of queries.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from robustnas.evaluator.attacks.attacker import Attacker, Batch, Passes

_SHARE = 0.8  # of the pixels that the first squares cover, "p"
_HALVED_AFTER = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)  # queries after which that share is halved

_CLEARLY = 1e-3  # a margin below 0 that rounding does not make; with one nearer to 0, larger eps are tried all the same


class Square(Attacker):
    """Square on the margin of the logits.

    As published, all images of a batch share one sequence of squares; here all batches do, whatever their eps. Hence
    all eps of a grid are attacked together.
    """

    merges = True

    def noise(self, n: int, shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
        """Return the signs of the vertical stripes that every image starts with, shape (n, channels, 1, width)."""
        channels, _, width = shape
        return (2 * torch.rand((n, channels, 1, width), generator=generator) - 1).sign_()

    def perturb(self, model: nn.Module, batch: Batch, passes: Passes) -> Tensor:
        """Return the images that fooled the network, and the best tries for the others."""
        return self.perturb_grid(model, [batch], [passes])[0]

    def perturb_grid(self, model: nn.Module, batches: Sequence[Batch], passes: Sequence[Passes]) -> list[Tensor]:
        """Attack the batches of all eps at once; see `Attacker.perturb_grid`."""
        shape = tuple(batches[0].pixels.shape[1:])
        squares = draw_squares(self.settings.square_queries, shape, self.seed, batches[0].pixels.device)
        with torch.no_grad():
            search = _Search(model, batches, passes)
            for number, square in enumerate(squares):
                if not search.n_left:
                    break
                search.try_square(number, square)
        return search.finish()


@dataclass(frozen=True, eq=False)
class RandomSquare:
    """A square of pixels, and what is added to it.

    Attributes:
        rows: The rows of pixels that it covers.
        columns: The columns.
        signs: +1 or -1 by channel, shape (channels, 1, 1).
        repeats: The number of the last query with the same square and signs; -1 if there was none.
    """

    rows: slice
    columns: slice
    signs: Tensor
    repeats: int


def draw_squares(n: int, shape: tuple[int, ...], seed: int, device: torch.device) -> list[RandomSquare]:
    """Return the squares of `n` queries of images of shape (channels, h, w)."""
    channels, height, width = shape
    draws = torch.rand((n, 2 + channels), generator=torch.Generator().manual_seed(seed))
    sides = torch.tensor([square_side(number, height, width) for number in range(n)])
    tops = ((height - sides) * draws[:, 0]).long().tolist()
    lefts = ((width - sides) * draws[:, 1]).long().tolist()
    signs = (2 * draws[:, 2:] - 1).sign()
    on_device, last, squares = signs.view(n, channels, 1, 1).to(device), dict[object, int](), list[RandomSquare]()
    for number, (side, top, left, own) in enumerate(zip(sides.tolist(), tops, lefts, signs.tolist(), strict=True)):
        place = slice(top, top + side), slice(left, left + side)
        key = (side, top, left, tuple(own))
        squares.append(RandomSquare(*place, on_device[number], last.get(key, -1)))
        last[key] = number
    return squares


def square_side(number: int, height: int, width: int) -> int:
    """Return the side in pixels of the square of a query, by the published schedule.

    >>> [square_side(number, 32, 32) for number in (0, 100, 1000, 4999)]
    [29, 14, 7, 3]
    """
    share = _SHARE * 0.5 ** sum(number > limit for limit in _HALVED_AFTER)
    return min(max(round(math.sqrt(share * height * width)), 1), height, width)


class _Search:
    """The images of all batches, and the best that was found for each."""

    def __init__(self, model: nn.Module, batches: Sequence[Batch], passes: Sequence[Passes]) -> None:
        self.model, self.passes, self.sizes = model, passes, [len(batch.pixels) for batch in batches]
        pixels = torch.cat([batch.pixels for batch in batches])
        eps = torch.cat([torch.full((len(batch.pixels), 1, 1, 1), batch.eps) for batch in batches]).to(pixels.device)
        self.labels = torch.cat([batch.labels for batch in batches])
        self.double, self.low, self.high = 2 * eps, (pixels - eps).clamp_(min=0), (pixels + eps).clamp_(max=1)
        self.best = (pixels + eps * torch.cat([batch.noise for batch in batches])).clamp_(0, 1)
        self.n_asked, self.changed = torch.zeros_like(self.labels), torch.full_like(self.labels, -1)
        self.margin = self._ask(torch.arange(len(pixels), device=pixels.device), self.best)
        self._rows = torch.cat([batch.rows for batch in batches]) if batches[0].early and len(batches) > 1 else None
        self._eps = eps.flatten()
        self.n_left = self._drop_fooled()

    def try_square(self, number: int, square: RandomSquare) -> None:
        """Add a square to the images that are left, and keep it where that lowers the margin."""
        window = (slice(None), slice(None), square.rows, square.columns)
        now = self.best[window]
        tried = torch.clamp(now + self.double * square.signs, self.low[window], self.high[window])
        open_ = (self.margin > 0) & (self.changed >= square.repeats) & (tried != now).flatten(1).any(dim=1)
        asked = open_.nonzero().flatten()
        self.passes[0].tick(self.n_left)  # known answers count as progress
        if not len(asked):
            return
        before, former = self.best[asked], self.margin[asked]
        candidates = before.clone()
        candidates[window] = tried[asked]
        margin = self._ask(asked, candidates)
        better = (margin < former) | (margin <= 0)  # a mask, no list: a GPU need not be waited for
        self.best[asked] = torch.where(better.view(-1, 1, 1, 1), candidates, before)
        self.margin[asked] = torch.where(better, margin, former)
        self.changed[asked] = torch.where(better, number, self.changed[asked])
        if bool((margin <= 0).any()):
            self.n_left = self._drop_fooled()

    def finish(self) -> list[Tensor]:
        """Count the passes; return the images by batch."""
        for passes, n_asked in zip(self.passes, torch.split(self.n_asked, self.sizes), strict=True):
            passes.total += int(n_asked.sum())
        return list(torch.split(self.best, self.sizes))

    def _ask(self, asked: Tensor, images: Tensor) -> Tensor:
        """Return the margins of images: logit of the label less the largest other one, shape (n,)."""
        self.n_asked[asked] += 1
        logits, labels = self.model(images), self.labels[asked].unsqueeze(1)
        own = logits.gather(1, labels).squeeze(1)
        margin: Tensor = own - logits.scatter(1, labels, -torch.inf).amax(dim=1)
        return margin

    def _drop_fooled(self) -> int:
        """Drop images at an eps above one that they are fooled at, if balls are nested; return how many are left."""
        left = self.margin > 0
        if self._rows is not None:
            fooled_at = torch.full((int(self._rows.max()) + 1,), torch.inf, device=left.device)
            fooled = self.margin < -_CLEARLY
            fooled_at.scatter_reduce_(0, self._rows[fooled], self._eps[fooled], "amin")
            self.margin[self._eps > fooled_at[self._rows]] = 0.0
            left = self.margin > 0
        return int(left.sum())
