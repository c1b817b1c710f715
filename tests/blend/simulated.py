"""Simulated models: labels of the phantom (no images), and predictions that know the latents up to a noise."""

import numpy as np

from lsdc.blend.stack import Answers, Stack
from lsdc.phantom.latents import READER_NOISE, draw_labels, severity_probabilities, thresholds
from lsdc.seeding import generator
from lsdc.taxonomy import TARGETS

FOLDS = 4


def labels(studies: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Latents z (n, 25) and severities (n, 25)."""
    drawn = [draw_labels(seed, "train", number) for number in range(studies)]
    return np.stack([one.z for one in drawn]), np.stack([one.severity for one in drawn])


def model(z: np.ndarray, noise: float, name: str, sharpness: float = 1.0) -> np.ndarray:
    """Plain probabilities (n, 25, 3), calibrated at sharpness 1: exact given z + noise * e, each target by itself."""
    from scipy.special import ndtr

    measured = z + noise * generator(1, "simulated", name).standard_normal(z.shape)
    reader = np.array([READER_NOISE[target.condition] for target in TARGETS])
    signal = np.sqrt(1 - reader**2)
    mean = signal * measured / (1 + noise**2)  # z given the measurement: mean m / (1 + noise^2), variance as below
    spread = np.sqrt(signal**2 * noise**2 / (1 + noise**2) + reader**2)
    below = ndtr((thresholds() - mean[..., None]) / spread[:, None])
    p = np.diff(below, axis=-1, prepend=0.0, append=1.0)
    p = np.maximum(p, 1e-9) ** sharpness
    return p / p.sum(-1, keepdims=True)


def stack_of(severity: np.ndarray, models: dict[str, np.ndarray], folds: int = FOLDS) -> Stack:
    """A stack of complete models, studies dealt out to folds in turn."""
    plain = np.stack(list(models.values()), axis=1)  # (n, m, 25, 3)
    studies = 1000 + 7 * np.arange(len(severity))
    return Stack(tuple(models), Answers(studies, plain, np.ones(plain.shape[:3])), severity,
                 np.arange(len(severity)) % folds)


__all__ = ["FOLDS", "labels", "model", "severity_probabilities", "stack_of"]
