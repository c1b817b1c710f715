"""Levels of a spine as an ordered chain: which site is which level, by dynamic programming.

A site is a place where some images show a level; its class scores may be off by one, sites may be false, levels may be
missing. What is certain is the order from head to foot and, roughly, the way from one level to the next. Above L1/L2
and below L5/S1 the chain has one state more: T12/L1 looks like another L1/L2 (all the more where a sixth body looks
lumbar), S1/S2 of a transitional sacrum like another L5/S1. They are named so that the graded levels are not.
"""

from dataclasses import dataclass

import numpy as np

MISSED = 1.0  # what a level without a site costs, in nats
FAINT = 0.05  # a site of this strength is worth little more than none
ANCHOR = 1.3  # how loud what looks like L5/S1 speaks against a chain that ends above it
CONFUSED = 0.2  # added to every class score: how much a view may be wrong about the level
ABOVE = 1.5  # nats by which T12/L1 is less worth than an L1/L2 of the same look
BELOW = 0.6  # share of its look as L5/S1 that S1/S2 must pay for: few sacra have a disc that looks so
RARE = 1e-9  # posteriors are not told apart below it


@dataclass(frozen=True, eq=False)
class Gaps:
    """The way from level k to level l in the (y, z) plane, mm: mean (L, L, 2) and covariance (L, L, 2, 2)."""

    mean_mm: np.ndarray
    covariance_mm: np.ndarray


@dataclass(frozen=True, eq=False)
class Chain:
    """site (L,): index of each level's site, -1 where it has none. posterior (L, S): P(level l is at site s).

    above, below: site of the outer states T12/L1 and S1/S2, -1 where there is none.
    """

    site: np.ndarray
    posterior: np.ndarray
    above: int = -1
    below: int = -1

    @property
    def margin(self) -> np.ndarray:
        """(L,) nats between each level's site and its strongest rival, another site or none; nan where it has none."""
        margins = np.full(len(self.site), np.nan)
        for level in np.flatnonzero(self.site >= 0):
            shares = np.r_[self.posterior[level], max(1 - self.posterior[level].sum(), 0)]
            own, rival = shares[self.site[level]], np.delete(shares, self.site[level]).max()
            margins[level] = np.log(max(own, RARE) / max(rival, RARE))
        return margins


def site_rewards(scores: np.ndarray) -> np.ndarray:
    """(S, V, L) class scores of sites in V views to (L, S) rewards in nats.

    How real the site is, and how much more it looks like level l than like any level, each view by itself.
    """
    strength = scores.sum(axis=1).max(axis=1)  # (S,)
    looks = scores + CONFUSED
    ratio = np.log(looks / looks.mean(axis=2, keepdims=True)).sum(axis=1)  # (S, L)
    return (np.log1p(strength / FAINT)[:, None] + ratio).T


def sacral_evidence(scores: np.ndarray) -> np.ndarray:
    """(S, V, L) class scores of sites in V views to (S,) nats: how surely each is the last level, views together."""
    return ANCHOR * np.log1p(scores[:, :, -1] / FAINT).sum(axis=1)


def outer_gaps(gaps: Gaps) -> Gaps:
    """Gaps of L levels to those of L + 2 states: one more step at either end, straight above and bending on below."""
    mean, covariance = gaps.mean_mm, gaps.covariance_mm
    count = len(mean) + 2
    first, last = mean[0, 1], 2 * mean[-2, -1] - mean[-3, -2]
    places = np.vstack([-first, mean[0], mean[0, -1] + last])  # (L + 2, 2) from the first level
    wide = np.zeros((count, count, 2, 2))
    wide[1:-1, 1:-1] = covariance
    for k in range(count):
        for one in range(k + 1, count):
            inner = covariance[min(max(k - 1, 0), count - 4), min(max(one - 1, 1), count - 3)]
            wide[k, one] = inner * (1 + (k == 0) + (one == count - 1))
    return Gaps(places[None] - places[:, None], wide)


def decode_chain(
    rewards: np.ndarray, positions_mm: np.ndarray, gaps: Gaps, sacral: np.ndarray | None = None
) -> Chain:
    """The best chain and each level's posterior.

    rewards: (L, S) of level l at site s, nats. positions_mm: (S, 2) sites' y, z. Levels run from head (0) to foot;
    a pair of levels costs half its squared Mahalanobis distance from `gaps` (of the L levels); lower levels must lie
    lower. A level without a site costs MISSED, an outer state without one nothing.
    sacral: (S,) nats of `sacral_evidence`. Discs of the upper spine look alike, but L5/S1 has the sacrum beneath it:
    a chain pays for what looks like L5/S1 below its end.
    """
    levels, sites = rewards.shape
    if sites == 0:
        return Chain(np.full(levels, -1), np.zeros((levels, 0)))
    sacral = np.zeros(sites) if sacral is None else sacral
    rewards = np.vstack([rewards[0] - ABOVE, rewards, -BELOW * sacral])  # (L + 2, S)
    missed = np.r_[0.0, np.cumsum(np.r_[0.0, np.full(levels, MISSED), 0.0])]  # [k]: of all states before k
    unexplained = (positions_mm[None, :, 1] < positions_mm[:, None, 1]) @ sacral  # (S,) of a chain that ends there
    before = -missed[:-1, None] * np.ones(sites)  # states missed above a chain's first
    after = (missed[1:] - missed[-1])[:, None] - unexplained  # and below its last, with what is left unexplained there
    nothing = -missed[-1] - sacral.sum()
    pairs = _pair_scores(positions_mm, outer_gaps(gaps), missed)
    states = _trace(*_forward(rewards, pairs, before, maximum=True), after, nothing)
    up, _ = _forward(rewards, pairs, before, maximum=False)
    turned = np.flip(pairs, (0, 1)).transpose(1, 0, 3, 2)  # from foot to head
    down = np.flip(_forward(rewards[::-1], turned, after[::-1], maximum=False)[0], 0)
    total = np.logaddexp(np.logaddexp.reduce(up + after, axis=None), nothing)
    return Chain(states[1:-1], np.exp(up + down - rewards - total)[1:-1], int(states[0]), int(states[-1]))


def _pair_scores(positions_mm: np.ndarray, gaps: Gaps, missed: np.ndarray) -> np.ndarray:
    """(K, K, S, S): score of state k at site i with the next found state l at site j."""
    way = positions_mm[None] - positions_mm[:, None]  # (S, S, 2) from i to j
    states = len(gaps.mean_mm)
    scores = np.full((states, states, *way.shape[:2]), -np.inf)
    for k in range(states):
        for one in range(k + 1, states):
            off = way - gaps.mean_mm[k, one]
            distance = np.einsum("ija,ab,ijb->ij", off, np.linalg.inv(gaps.covariance_mm[k, one]), off)
            between = missed[one] - missed[k + 1]
            scores[k, one] = np.where(way[..., 1] < 0, -distance / 2 - between, -np.inf)
    return scores


def _forward(
    rewards: np.ndarray, pairs: np.ndarray, starts: np.ndarray, *, maximum: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(K, S) score of all chains that end with state k at site s, and the flat (k, i) they best come from (or -1).

    starts: (K, S) score of beginning there.
    """
    states, sites = rewards.shape
    scores = np.full((states, sites), -np.inf)
    back = np.full((states, sites), -1)
    for state in range(states):
        ways = [starts[state:state + 1]]
        if state:
            ways.append((scores[:state, :, None] + pairs[:state, state]).reshape(-1, sites))
        ways = np.concatenate(ways)  # (1 + k * S, S)
        back[state] = ways.argmax(axis=0) - 1
        scores[state] = rewards[state] + (ways.max(axis=0) if maximum else np.logaddexp.reduce(ways, axis=0))
    return scores, back


def _trace(scores: np.ndarray, back: np.ndarray, after: np.ndarray, nothing: float) -> np.ndarray:
    """The sites of the best chain, whose end scores `after`; none where leaving all out scores more."""
    states, sites = scores.shape
    site = np.full(states, -1)
    ends = scores + after
    at = int(ends.argmax()) if ends.max() > nothing else -1
    while at >= 0:
        state, here = divmod(at, sites)
        site[state] = here
        at = int(back[state, here])
    return site
