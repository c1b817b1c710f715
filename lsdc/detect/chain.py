"""Levels of a spine as an ordered chain: which site is which level, by dynamic programming.

A site is a place where some images show a level; its class scores may be off by one, sites may be false, levels may be
missing. What is certain is the order from head to foot and, roughly, the way from one level to the next.
"""

from dataclasses import dataclass

import numpy as np

MISSED = 1.0  # what a level without a site costs, in nats
FAINT = 0.05  # a site of this strength is worth little more than none
ANCHOR = 1.3  # how loud what looks like L5/S1 speaks against a chain that ends above it
CONFUSED = 0.2  # added to every class score: how much a view may be wrong about the level


@dataclass(frozen=True, eq=False)
class Gaps:
    """The way from level k to level l in the (y, z) plane, mm: mean (L, L, 2) and covariance (L, L, 2, 2)."""

    mean_mm: np.ndarray
    covariance_mm: np.ndarray


@dataclass(frozen=True, eq=False)
class Chain:
    """site (L,): index of each level's site, -1 where it has none. posterior (L, S): P(level l is at site s)."""

    site: np.ndarray
    posterior: np.ndarray


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


def decode_chain(
    rewards: np.ndarray, positions_mm: np.ndarray, gaps: Gaps, sacral: np.ndarray | None = None
) -> Chain:
    """The best chain and each level's posterior.

    rewards: (L, S) of level l at site s, nats. positions_mm: (S, 2) sites' y, z. Levels run from head (0) to foot;
    a pair of levels costs half its squared Mahalanobis distance from `gaps`; lower levels must lie lower.
    sacral: (S,) nats of `sacral_evidence`. Discs of the upper spine look alike, but L5/S1 has the sacrum beneath it:
    a chain pays for what looks like L5/S1 below its end.
    """
    levels, sites = rewards.shape
    if sites == 0:
        return Chain(np.full(levels, -1), np.zeros((levels, 0)))
    sacral = np.zeros(sites) if sacral is None else sacral
    below = (positions_mm[None, :, 1] < positions_mm[:, None, 1]) @ sacral  # (S,) of a chain that ends there
    before = -MISSED * np.arange(levels)[:, None] * np.ones(sites)  # levels missed above a chain's first
    after = before[::-1] - below  # and below its last, with what is left unexplained there
    nothing = -MISSED * levels - sacral.sum()
    pairs = _pair_scores(positions_mm, gaps, levels)
    site = _trace(*_forward(rewards, pairs, before, maximum=True), after, nothing)
    up, _ = _forward(rewards, pairs, before, maximum=False)
    turned = np.flip(pairs, (0, 1)).transpose(1, 0, 3, 2)  # from foot to head
    down = np.flip(_forward(rewards[::-1], turned, after[::-1], maximum=False)[0], 0)
    total = np.logaddexp(np.logaddexp.reduce(up + after, axis=None), nothing)
    return Chain(site, np.exp(up + down - rewards - total))


def _pair_scores(positions_mm: np.ndarray, gaps: Gaps, levels: int) -> np.ndarray:
    """(L, L, S, S): score of level k at site i with the next found level l at site j."""
    way = positions_mm[None] - positions_mm[:, None]  # (S, S, 2) from i to j
    scores = np.full((levels, levels, *way.shape[:2]), -np.inf)
    for k in range(levels):
        for one in range(k + 1, levels):
            off = way - gaps.mean_mm[k, one]
            distance = np.einsum("ija,ab,ijb->ij", off, np.linalg.inv(gaps.covariance_mm[k, one]), off)
            scores[k, one] = np.where(way[..., 1] < 0, -distance / 2 - MISSED * (one - k - 1), -np.inf)
    return scores


def _forward(
    rewards: np.ndarray, pairs: np.ndarray, starts: np.ndarray, *, maximum: bool
) -> tuple[np.ndarray, np.ndarray]:
    """(L, S) score of all chains that end with level l at site s, and the flat (k, i) they best come from (or -1).

    starts: (L, S) score of beginning there.
    """
    levels, sites = rewards.shape
    scores = np.full((levels, sites), -np.inf)
    back = np.full((levels, sites), -1)
    for level in range(levels):
        ways = [starts[level:level + 1]]
        if level:
            ways.append((scores[:level, :, None] + pairs[:level, level]).reshape(-1, sites))
        ways = np.concatenate(ways)  # (1 + k * S, S)
        back[level] = ways.argmax(axis=0) - 1
        scores[level] = rewards[level] + (ways.max(axis=0) if maximum else np.logaddexp.reduce(ways, axis=0))
    return scores, back


def _trace(scores: np.ndarray, back: np.ndarray, after: np.ndarray, nothing: float) -> np.ndarray:
    """The sites of the best chain, whose end scores `after`; none where leaving all out scores more."""
    levels, sites = scores.shape
    site = np.full(levels, -1)
    ends = scores + after
    at = int(ends.argmax()) if ends.max() > nothing else -1
    while at >= 0:
        level, here = divmod(at, sites)
        site[level] = here
        at = int(back[level, here])
    return site
