"""A space of 10^12 architectures, some of them invalid and some the same network, and an objective on it."""

from __future__ import annotations

import numpy as np

from robustnas.spaces import ChoiceArchitecture, ChoiceSpace, ListedSpace

N_CHOICES = 12


class Large(ChoiceSpace):
    """Twelve digits, the first two of which differ."""

    choices = {f"c{place}": tuple(range(10)) for place in range(N_CHOICES)}  # noqa: RUF012

    def valid(self, architecture: ChoiceArchitecture) -> bool:
        return bool(architecture.c0 != architecture.c1)

    def canonical(self, architecture: ChoiceArchitecture) -> ChoiceArchitecture:
        return architecture.replaced(c3=0) if architecture.c2 == 0 else architecture

    def cost(self, architecture: ChoiceArchitecture) -> dict[str, float]:
        return {"params": 1.0 + sum(map(float, architecture.options))}  # type: ignore[arg-type]  # all numbers

    def encode(self, architecture: ChoiceArchitecture) -> list[float]:
        return [float(option) for option in architecture.options]  # type: ignore[arg-type]


_RNG = np.random.default_rng(2023)
_SINGLE = _RNG.normal(size=(N_CHOICES, 10))
_PAIRS = _RNG.normal(scale=0.5, size=(N_CHOICES, 10, 10))


def landscape(architecture: ChoiceArchitecture) -> dict[str, float]:
    """Return two metrics that reward certain options, alone and beside each other."""
    places = [int(option) for option in Large().representative(architecture).options]  # type: ignore[arg-type]
    alone = _SINGLE[np.arange(N_CHOICES), places].sum()
    pairs = _PAIRS[np.arange(N_CHOICES), places, np.roll(places, 1)].sum()
    return {"clean": float(1 / (1 + np.exp(-(alone + pairs) / 6))), "pgd@1": float(1 / (1 + np.exp(-alone / 4)))}


def listed(n: int = 60) -> ListedSpace:
    """Return some architectures, a few of them neighbours or of one network."""
    rng, whole = np.random.default_rng(0), Large()
    found = [whole.sample(rng) for _ in range(n // 2)]
    found += [architecture.replaced(c2=0, c3=5) for architecture in found[:3]]
    found += [architecture.replaced(c2=0, c3=6) for architecture in found[:3]]
    return ListedSpace(whole, [*found, *(whole.mutate(found[i % 7], rng) for i in range(n - len(found)))])
