"""The curved frame of a spine: (s, u, v) along the curve, to the left, to the back <-> patient mm, both ways.

The patient frame here is the phantom's own upright one (x left, y back, z head); the pose of the patient in the
scanner comes on top (see scanner.py). Lookup tables make the way back cheap enough for every pixel.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from scipy.special import ndtr

from lsdc.phantom.anatomy import FIRST, Anatomy

STEP_MM = 0.25  # of the tables along s
ABOVE_MM, BELOW_MM = 45.0, 45.0  # the curve goes on straight beyond its last discs
TURN_MM = 11.0  # how far the turn at a disc is spread, so that the curve stays smooth
GRID_MM = 4.0
BOX_Y_MM, BOX_Z_MM = (-150.0, 150.0), (-220.0, 240.0)


@dataclass(frozen=True, eq=False)
class SpineFrame:
    """Tables over s (n,) and over the sagittal plane (rows z, columns y)."""

    s: np.ndarray
    y: np.ndarray
    z: np.ndarray
    angle: np.ndarray  # of the tangent from straight down, positive towards the back
    side: np.ndarray  # lateral deviation x of the curve
    side_slope: np.ndarray
    turn: np.ndarray  # axial rotation, radians
    map_s: np.ndarray
    map_v: np.ndarray

    def index(self, s: np.ndarray) -> np.ndarray:
        """Index into tables over s, for s of any shape."""
        scaled = (s - np.float32(self.s[0])) * np.float32(1 / STEP_MM) + np.float32(0.5)
        return np.clip(scaled, 0, len(self.s) - 1).astype(np.int32)

    def to_patient(self, s: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
        """Spine coordinates, broadcast together, to (..., 3) patient mm (x, y, z)."""
        s, u, v = np.broadcast_arrays(np.asarray(s, float), u, v)
        turn = np.interp(s, self.s, self.turn)
        u, v = u * np.cos(turn) - v * np.sin(turn), u * np.sin(turn) + v * np.cos(turn)
        for _ in range(3):
            along = s + np.interp(s, self.s, self.side_slope) * u
        angle, y, z = (np.interp(along, self.s, table) for table in (self.angle, self.y, self.z))
        return np.stack([np.interp(along, self.s, self.side) + u, y + v * np.cos(angle), z + v * np.sin(angle)], -1)

    def from_patient(self, x: np.ndarray, y: np.ndarray, z: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Patient mm, float32 arrays of one two-dimensional shape, to spine coordinates s, u, v."""
        column = (y - np.float32(BOX_Y_MM[0])) * np.float32(1 / GRID_MM)
        row = (z - np.float32(BOX_Z_MM[0])) * np.float32(1 / GRID_MM)
        s, v = (cv2.remap(table, column, row, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
                for table in (self.map_s, self.map_v))
        index = self.index(s)
        u = x - self.side.astype(np.float32)[index]
        s = s - self.side_slope.astype(np.float32)[index] * u
        turn = self.turn.astype(np.float32)[index]
        return s, u + v * turn, v - u * turn  # rotations are of a few degrees


def make_frame(anatomy: Anatomy) -> SpineFrame:
    """The frame of a patient; the centre of disc L3/L4 lies at patient (0, 0, 0), apart from scoliosis."""
    s = np.arange(-ABOVE_MM, anatomy.disc_s[-1] + BELOW_MM, STEP_MM)
    centre = anatomy.disc_s[FIRST + 2]
    angle = (anatomy.angles * ndtr((s[:, None] - anatomy.disc_s) / TURN_MM)).sum(axis=1)
    angle += anatomy.posture - np.interp(centre, s, angle)
    y, z = np.cumsum(np.sin(angle)) * STEP_MM, -np.cumsum(np.cos(angle)) * STEP_MM
    y, z = y - np.interp(centre, s, y), z - np.interp(centre, s, z)
    size, phase = anatomy.scoliosis_mm
    wave = 2 * np.pi * (s - centre) / 260.0
    side = size * (np.sin(wave + phase) - np.sin(phase))
    turn = anatomy.rotation * np.sin(wave + phase)
    map_s, map_v = _tables(s, y, z, angle)
    return SpineFrame(s, y, z, angle, side, np.gradient(side, STEP_MM), turn, map_s, map_v)


def _tables(s: np.ndarray, y: np.ndarray, z: np.ndarray, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """s and v of every node of the sagittal grid: the nearest curve sample, refined along its tangent."""
    thin = slice(None, None, 8)  # a sample every 2 mm is enough to start from
    grid_y = np.arange(*BOX_Y_MM, GRID_MM, dtype=np.float32)
    grid_z = np.arange(*BOX_Z_MM, GRID_MM, dtype=np.float32)
    curve = np.stack([y[thin], z[thin]]).astype(np.float32)
    nodes_y, nodes_z = (grid.ravel() for grid in np.meshgrid(grid_y, grid_z))
    squared = curve[0] ** 2 + curve[1] ** 2 - 2 * (np.outer(nodes_y, curve[0]) + np.outer(nodes_z, curve[1]))
    nearest = np.argmin(squared, axis=1) * 8
    along = s[nearest].astype(float)
    curvature = np.gradient(angle, STEP_MM)
    for _ in range(2):  # Newton on (p - c(s)) . tangent(s) = 0
        tilt, bend, c_y, c_z = (np.interp(along, s, table) for table in (angle, curvature, y, z))
        off_y, off_z = nodes_y - c_y, nodes_z - c_z
        across = off_y * np.cos(tilt) + off_z * np.sin(tilt)
        step = (off_y * np.sin(tilt) - off_z * np.cos(tilt)) / np.clip(1 - bend * across, 0.35, 3)
        along = along + step.clip(-3, 3)
    along = np.where((nearest == 0) | (nearest >= (len(s[thin]) - 1) * 8), s[nearest], along)
    shape = (len(grid_z), len(grid_y))
    tilt, c_y, c_z = (np.interp(along, s, table) for table in (angle, y, z))
    across = (nodes_y - c_y) * np.cos(tilt) + (nodes_z - c_z) * np.sin(tilt)
    return along.reshape(shape).astype(np.float32), across.reshape(shape).astype(np.float32)
