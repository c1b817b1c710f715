"""Generators derived from one seed and a purpose, so that no stage shifts the randomness of another."""

import hashlib

import numpy as np


def seed_for(seed: int, *purpose: object) -> int:
    """A 63-bit seed for a purpose: the same words give the same seed on every machine and Python."""
    text = "/".join(map(str, (seed, *purpose)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def generator(seed: int, *purpose: object) -> np.random.Generator:
    """An independent numpy generator for a purpose, e.g. ``generator(7, "jitter", study_id)``."""
    return np.random.default_rng(seed_for(seed, *purpose))
