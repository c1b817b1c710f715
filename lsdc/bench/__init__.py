"""Figures that anyone can make again: measured here, saved with machine and commit."""
