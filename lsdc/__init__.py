"""lsdc: a competition kit for RSNA 2024 Lumbar Spine Degenerative Classification.

Importing the package needs no data and loads no torch; every room is imported where it is used.
"""

__version__ = "0.1.0"
