"""Beliefs by the names of a surrogate, of encodings and of what is known before."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from robustnas.spaces import EnumerableSpace, encoding
from searchers.averaged_belief import AveragedBelief
from searchers.belief import Belief, GPBelief, RegressorBelief, network_distances
from searchers.candidate_pool import CandidatePool
from searchers.leaf_belief import LeafBelief
from searchers.prior import Prior


def make_belief(
    surrogate: str,
    encodings: str,
    space: EnumerableSpace[Any],
    rng: np.random.Generator,
    priors: Sequence[Prior] = (),
    objective: int = 0,
    pool: CandidatePool | None = None,
    **parameters: object,
) -> Belief:
    """Return a belief for a surrogate's name and an encoding's name.

    Args:
        surrogate: ``gp`` and trees are updated with every observation; any other name in `surrogates.SURROGATES`.
        encodings: Encodings joined by ``+``; a comma separates groups with a length scale each in the GP's kernel.
        space: The search space.
        rng: Seeds the regressors.
        priors: What is known of the networks; the GP learns how much they count, others have them as features.
        objective: Which objective the belief is about.
        pool: What holds the candidates, of a space that is not enumerated; None if all networks are.
        parameters: The surrogate's own parameters.
    """
    guesses = [prior.guess(objective)[:, None] for prior in priors]
    if surrogate == "gp":
        if pool is not None:
            return GPBelief(pool.features.groups)
        own = network_distances(encodings, space)
        if not priors:
            return GPBelief(own)
        known = [prior.distances(objective) for prior in priors]
        return AveragedBelief(GPBelief(own), GPBelief([*own, *known], np.hstack(guesses)))
    from surrogates import TreeSurrogate, make_surrogate, surrogate_class

    name = "+".join(part.strip() for part in encodings.split(","))
    groups = [prior.group(objective) for prior in priors]
    encoded = encoding(name, space=space) if pool is None else pool.features.encoding
    features = (
        np.hstack([encoded.values[space.network_indices()], *groups, *guesses])
        if pool is None
        else pool.features.values
    )

    def make(seed: int) -> Any:
        columns = None if priors else encoded
        return make_surrogate(surrogate, columns, random_state=seed, **parameters)

    if issubclass(surrogate_class(surrogate), TreeSurrogate):
        return LeafBelief(make, features, rng)
    return RegressorBelief(make, features, rng)
