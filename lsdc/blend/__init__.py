"""Weights, calibration and a second level learned on out-of-fold tables, cross-fitted.

`lsdc.blend.sources` reads the tables, `lsdc.blend.cross_fit` fits and chooses (with torch and scipy). What is imported
here applies the file of a blend and needs numpy and pandas only.
"""

from lsdc.blend.saved import Blend, Member, read_blend, write_blend

__all__ = ["Blend", "Member", "read_blend", "write_blend"]
