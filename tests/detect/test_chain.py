from itertools import pairwise, product

import numpy as np
import pytest

from lsdc.detect.chain import ABOVE, BELOW, MISSED, Gaps, decode_chain, outer_gaps, sacral_evidence, site_rewards

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
    anchored = decode_chain(rewards, positions, GAPS, sacral)
    assert (anchored.above, anchored.site.tolist()) == (0, [1, 2, 3, 4, 5])


def test_nothing_seen_gives_nothing():
    chain = decode_chain(np.zeros((5, 0)), np.zeros((0, 2)), GAPS)
    assert chain.site.tolist() == [-1] * 5
    assert chain.posterior.shape == (5, 0)


def test_faint_sites_in_impossible_places_are_no_chain():
    chain = decode(np.full((2, 5), 0.001), [[0, 0], [0, 1.0]])
    assert (chain.site >= 0).sum() <= 1


def test_against_all_chains_by_brute_force():
    generator = np.random.default_rng(4)
    positions = places(-1, 0, 1, 2, 2) + generator.normal(0, 6, (5, 2))
    gaps = Gaps(GAPS.mean_mm[:3, :3], GAPS.covariance_mm[:3, :3])
    rewards, sacral = generator.normal(1, 2, (3, 5)), generator.uniform(0, 3, 5)
    states = np.vstack([rewards[0] - ABOVE, rewards, -BELOW * sacral])
    missed, outer, scored = [0, MISSED, MISSED, MISSED, 0], outer_gaps(gaps), {}
    for sites in product(range(-1, 5), repeat=5):
        found = [(state, site) for state, site in enumerate(sites) if site >= 0]
        score = sum(states[at] for at in found) - sum(missed[state] for state in range(5) if sites[state] < 0)
        end = positions[found[-1][1]][1] if found else np.inf
        score -= sacral[positions[:, 1] < end].sum()
        for (k, i), (one, j) in pairwise(found):
            off = positions[j] - positions[i] - outer.mean_mm[k, one]
            lower = positions[j][1] < positions[i][1]
            score += -off @ np.linalg.inv(outer.covariance_mm[k, one]) @ off / 2 if lower else -np.inf
        scored[sites] = score
    chain = decode_chain(rewards, positions, gaps, sacral)
    assert (chain.above, *chain.site.tolist(), chain.below) == max(scored, key=scored.get)
    total = np.logaddexp.reduce(list(scored.values()))
    for level in range(3):
        shares = [sum(np.exp(score - total) for sites, score in scored.items() if sites[level + 1] == site)
                  for site in range(-1, 5)]
        assert chain.posterior[level] == pytest.approx(shares[1:], abs=1e-9)
        if chain.site[level] < 0:
            assert np.isnan(chain.margin[level])
            continue
        own = shares.pop(chain.site[level] + 1)
        assert chain.margin[level] == pytest.approx(np.log(own / max(shares)), abs=1e-6)


def test_outer_gaps_go_one_step_further_at_either_end():
    outer = outer_gaps(GAPS)
    assert outer.mean_mm[1:-1, 1:-1] == pytest.approx(GAPS.mean_mm)
    assert outer.mean_mm[0, 1] == pytest.approx(STEP)
    assert outer.mean_mm[0, 6] == pytest.approx(6 * STEP)
    assert outer.covariance_mm[0, 1] == pytest.approx(2 * GAPS.covariance_mm[0, 1])
    assert outer.covariance_mm[2, 5] == pytest.approx(GAPS.covariance_mm[1, 4])


def test_a_sixth_body_that_looks_lumbar_is_named_above_the_levels():
    """Its disc T12/L1 looks as much like L1/L2 as L1/L2 itself does; the sacrum says which are the five."""
    positions = places(*range(-1, 5))
    scores = np.vstack([[0.8, 0.1, 0, 0, 0], [0.5, 0.5, 0, 0, 0], *CLEAN[1:]])
    chain = decode_chain(site_rewards(scores[:, None]), positions, GAPS, sacral_evidence(scores[:, None]))
    assert (chain.above, chain.site.tolist(), chain.below) == (0, [1, 2, 3, 4, 5], -1)


def test_with_four_lumbar_bodies_the_first_disc_keeps_its_name_though_it_looks_thoracic():
    scores = CLEAN.copy()
    scores[0] = [0.15, 0.0, 0, 0, 0]
    chain = decode_chain(site_rewards(scores[:, None]), places(*range(5)), GAPS, sacral_evidence(scores[:, None]))
    assert (chain.above, chain.site.tolist()) == (-1, [0, 1, 2, 3, 4])


def test_a_disc_in_the_sacrum_that_looks_a_little_like_l5_s1_does_not_become_it():
    scores = np.vstack([CLEAN, [0, 0, 0, 0, 0.35]])
    chain = decode_chain(site_rewards(scores[:, None]), places(*range(6)), GAPS, sacral_evidence(scores[:, None]))
    assert (chain.site.tolist(), chain.below) == ([0, 1, 2, 3, 4], 5)


def test_swapped_names_of_two_neighbours_are_put_in_order():
    scores = CLEAN[[0, 2, 1, 3, 4]]
    assert decode(scores, places(*range(5))).site.tolist() == [0, 1, 2, 3, 4]


def test_margin_is_small_where_two_sites_compete_and_large_where_none_does():
    positions = np.vstack([places(*range(5)), places(0)[0] + [7.0, 6.0]])
    scores = np.vstack([CLEAN, CLEAN[0] * 0.9])
    margin = decode(scores, positions).margin
    assert 0 < margin[0] < 2
    assert (margin[1:] > 3).all()
    missing = decode(CLEAN[[0, 1, 3, 4]], places(0, 1, 3, 4)).margin
    assert np.isnan(missing).tolist() == [False, False, True, False, False]
