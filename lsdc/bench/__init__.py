"""Figures that anyone can make again: measured here, saved with machine and commit, compared with the last ones."""

from lsdc.bench.inference import bench_inference

__all__ = ["bench_inference"]
