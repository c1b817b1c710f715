"""Patches of given mm around a location: several slices, canonical axes, geometry kept; and a store of them."""

from lsdc.crops.cut import Crop, cut
from lsdc.crops.mirror import mirrored
from lsdc.crops.move import Move, moved, widened
from lsdc.crops.points import point_locations
from lsdc.crops.store import CropStore, open_store
from lsdc.crops.views import VIEWS, Views, cut_views

__all__ = ["VIEWS", "Crop", "CropStore", "Move", "Views", "cut", "cut_views", "mirrored", "moved", "open_store",
           "point_locations", "widened"]
