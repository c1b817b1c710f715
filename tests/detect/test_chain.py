from itertools import pairwise, product

import numpy as np
import pytest

from lsdc.detect.chain import MISSED, Gaps, decode_chain, sacral_evidence, site_rewards

STEP = np.array([2.0, -33.0])  # y, z from level to level
GAPS = Gaps(np.array([[(j - i) * STEP for j in range(5)] for i in range(5)]),
            np.array([[np.eye(2) * 25.0 * max(j - i, 1) for j in range(5)] for i in range(5)]))
CLEAN = np.eye(5) * 0.8 + 0.001


def places(*levels):
    return np.array([level * STEP for level in levels])


def decode(scores, positions):
    return decode_chain(site_rewards(np.array(scores, dtype=float)[:, None]), np.array(positions), GAPS)


def test_a_clean_chain_whatever_the_order_of_sites():
    order = [3, 0, 4, 2, 1]
    chain = decode(CLEAN[order], places(*order))
    assert [order[site] for site in chain.site] == [0, 1, 2, 3, 4]
    assert chain.posterior[range(5), chain.site].min() > 0.97


def test_a_missing_level_stays_missing_and_the_others_keep_their_names():
    kept = [0, 1, 3, 4]
    chain = decode(CLEAN[kept], places(*kept))
    assert chain.site.tolist() == [0, 1, -1, 2, 3]


@pytest.mark.parametrize("wrong", range(5))
def test_one_site_named_off_by_one_is_corrected_by_its_neighbours(wrong):
    scores = CLEAN.copy()
    scores[wrong] = 0.02
    scores[wrong, wrong - 1 if wrong else 1] = 0.6
    scores[wrong, wrong] = 0.2
    assert decode(scores, places(*range(5))).site.tolist() == [0, 1, 2, 3, 4]


def test_a_false_site_between_levels_is_left_out():
    positions = np.vstack([places(*range(5)), [[60.0, -50.0]]])
    scores = np.vstack([CLEAN, [0, 0.3, 0.7, 0, 0]])
    assert decode(scores, positions).site.tolist() == [0, 1, 2, 3, 4]


def test_a_strong_site_above_the_chain_does_not_shift_it():
    positions = np.vstack([places(*range(5)), [places(-1)[0]]])
    scores = np.vstack([CLEAN, [0.5, 0.05, 0, 0, 0]])  # T12/L1, taken for L1/L2
    assert decode(scores, positions).site.tolist() == [0, 1, 2, 3, 4]


def test_the_sacrum_anchors_a_chain_whose_names_are_all_one_level_off():
    """Seen on phantoms: every disc looks like its lower neighbour, T12/L1 like L1/L2; only L5/S1 is sure."""
    positions = np.vstack([places(-1)[0], places(*range(5))])
    scores = np.zeros((6, 5))
    scores[range(5), range(5)] = 0.8  # T12/L1 named L1/L2 ... L4/L5 named L5/S1 at a lower score
    scores[4] = [0, 0, 0, 0.7, 0.3]
    scores[5, 4] = 0.85
    views = np.stack([scores, scores], axis=1)
    rewards, sacral = site_rewards(scores[:, None]), sacral_evidence(views)
    assert decode_chain(rewards, positions, GAPS).site.tolist() == [0, 1, 2, 3, 4]
    assert decode_chain(rewards, positions, GAPS, sacral).site.tolist() == [1, 2, 3, 4, 5]


def test_nothing_seen_gives_nothing():
    chain = decode_chain(np.zeros((5, 0)), np.zeros((0, 2)), GAPS)
    assert chain.site.tolist() == [-1] * 5
    assert chain.posterior.shape == (5, 0)


def test_faint_sites_in_impossible_places_are_no_chain():
    chain = decode(np.full((2, 5), 0.001), [[0, 0], [0, 1.0]])
    assert (chain.site >= 0).sum() <= 1


def test_against_all_chains_by_brute_force():
    generator = np.random.default_rng(4)
    positions = places(0, 1, 2, 2) + generator.normal(0, 6, (4, 2))
    gaps = Gaps(GAPS.mean_mm[:3, :3], GAPS.covariance_mm[:3, :3])
    rewards, sacral = generator.normal(1, 2, (3, 4)), generator.uniform(0, 3, 4)
    scored = {}
    for sites in product(range(-1, 4), repeat=3):
        found = [(level, site) for level, site in enumerate(sites) if site >= 0]
        score = sum(rewards[at] for at in found) - MISSED * (3 - len(found))
        end = positions[found[-1][1]][1] if found else np.inf
        score -= sacral[positions[:, 1] < end].sum()
        for (k, i), (one, j) in pairwise(found):
            off = positions[j] - positions[i] - gaps.mean_mm[k, one]
            lower = positions[j][1] < positions[i][1]
            score += -off @ np.linalg.inv(gaps.covariance_mm[k, one]) @ off / 2 if lower else -np.inf
        scored[sites] = score
    chain = decode_chain(rewards, positions, gaps, sacral)
    assert tuple(chain.site.tolist()) == max(scored, key=scored.get)
    total = np.logaddexp.reduce(list(scored.values()))
    for level, site in product(range(3), range(4)):
        exact = sum(np.exp(score - total) for sites, score in scored.items() if sites[level] == site)
        assert chain.posterior[level, site] == pytest.approx(exact, abs=1e-9)
