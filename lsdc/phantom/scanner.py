"""How a patient is imaged: planes and order of each series, and from ideal signal to stored values."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np

from lsdc.dicom.plane import SlicePlane
from lsdc.phantom.anatomy import FIRST
from lsdc.phantom.canvas import Contrast
from lsdc.phantom.render import Patient
from lsdc.taxonomy import Level, Plane

RENDER_MM = {Plane.SAGITTAL_T1: 0.80, Plane.SAGITTAL_T2: 0.80, Plane.AXIAL_T2: 0.62}  # the acquired resolution
CANAL_V_MM = 25.0  # v of the canal's middle, about which fields of view are centred


@dataclass(frozen=True, eq=False)
class Scanner:
    """What one machine does to every image it makes."""

    name: str
    field_tesla: float
    noise: float  # standard deviation over the signal of fluid
    blur_px: float  # of the point spread, in acquired pixels
    shading: float  # how fast the surface coil loses signal towards the belly
    gain: float  # stored value of the brightest fluid
    offset: float


class Spoil(NamedTuple):
    """A quirk of files (see spoil.py) and the slices that have it."""

    quirk: str
    slices: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class SeriesPlan:
    """One series before it is rendered; slices in order along the normal (sagittal: x rising, axial: z rising).

    Slices that a quirk added stand behind the others.
    """

    plane: Plane
    contrast: Contrast
    planes: tuple[SlicePlane, ...]  # as they are rendered
    thickness_mm: float
    spacing_mm: float
    instance_numbers: tuple[int, ...]
    scan: int  # series of one number lie on the same slices
    described: str  # in the series table
    in_table: bool = True
    files: Literal["written", "none", "no folder"] = "written"
    turn: int = 0  # quarter turns of the stored images; from 4 on mirrored besides
    body_part: str = "LSPINE"
    spoils: tuple[Spoil, ...] = ()

    @property
    def named(self) -> bool:
        """Whether the series table names it as one of the three planes."""
        return self.in_table and self.described == self.plane.description

    def stored_plane(self, index: int) -> SlicePlane:
        """The plane of a slice as it is stored, turned and mirrored."""
        plane = self.planes[index]
        for _ in range(self.turn % 4):
            _, width = plane.size_hw
            plane = SlicePlane(plane.to_patient(np.array([width - 1, 0])), plane.step_y_mm, -plane.step_x_mm,
                               plane.size_hw[::-1])
        if self.turn >= 4:
            right = plane.to_patient(np.array([plane.size_hw[1] - 1, 0]))
            plane = SlicePlane(right, -plane.step_x_mm, plane.step_y_mm, plane.size_hw)
        return plane

    def stored_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (rows, columns) of a rendered plane as they are stored."""
        turned = np.rot90(pixels, self.turn % 4)
        return np.ascontiguousarray(turned[:, ::-1] if self.turn >= 4 else turned)

    def spoils_of(self, index: int) -> frozenset[str]:
        return frozenset(spoil.quirk for spoil in self.spoils if index in spoil.slices)


def draw_scanner(random: np.random.Generator) -> Scanner:
    name, tesla = [("Aster 1.5T", 1.5), ("Boreal 1.5T", 1.5), ("Cirrus 3T", 3.0), ("Dorado 0.7T", 0.7)][
        random.choice(4, p=[0.4, 0.25, 0.25, 0.1])]
    return Scanner(
        name=name, field_tesla=tesla, noise=float(0.030 / tesla**0.6 * random.uniform(0.7, 1.5)),
        blur_px=float(random.uniform(0.45, 0.75)), shading=float(random.uniform(0.1, 0.6)),
        gain=float(random.choice([400, 800, 1400, 2600]) * random.uniform(0.8, 1.2)),
        offset=float(random.choice([0, 0, 0, 12])),
    )


def plan_sagittal(random: np.random.Generator, patient: Patient, stir: bool) -> list[SeriesPlan]:
    """T1 and T2 (or STIR) on the same slices, as scanners are told to copy the planning; matrices may differ."""
    canal = _canal(patient)
    count = int(random.choice([11, 12, 13, 14, 15, 16, 17, 18, 20, 25],
                              p=[.04, .06, .16, .16, .27, .12, .10, .05, .03, .01]))
    spacing = 5.0 if count <= 12 else float(random.choice([4.0, 4.4, 4.5, 4.8, 5.0]))
    tilt, _ = cv2.Rodrigues(np.deg2rad(random.normal(0, 1.0, 3)))
    normal, down = (tilt @ patient.rotation)[:, 0], -(tilt @ patient.rotation)[:, 2]
    down = down - (down @ np.array([0, 1.0, 0])) * np.array([0, 1.0, 0])  # the image stays upright in the scanner
    down = down - (down @ normal) * normal
    down /= np.linalg.norm(down)
    right = np.cross(down, normal)
    right = right if right[1] > 0 else -right
    field = random.uniform(290, 340)
    narrow = float(random.choice([1.0, 1.0, 0.875, 0.75]))  # width over height of the field of view
    centre = canal.mean(axis=0) - right * (0.06 * field * narrow + random.normal(0, 8)) - down * (
        0.025 * field + random.normal(0, 10)) + normal * random.normal(0, 1.5)
    plans = []
    rising = random.random() < 0.64
    for plane, contrast in ((Plane.SAGITTAL_T1, Contrast.T1),
                            (Plane.SAGITTAL_T2, Contrast.STIR if stir else Contrast.T2)):
        rows = _matrix(random)
        size_hw = (rows, 2 * round(rows * narrow / 2))
        px = field / rows
        offsets = (np.arange(count) - (count - 1) / 2) * spacing
        planes = tuple(_plane(centre + offset * normal, right * px, down * px, size_hw) for offset in offsets)
        plans.append(SeriesPlan(plane, contrast, planes, round(spacing / 1.1, 2), spacing, _numbers(count, rising),
                                scan=0, described=plane.description))
    return plans


def plan_axial(random: np.random.Generator, patient: Patient, several: bool) -> list[SeriesPlan]:
    """One parallel stack, or blocks tilted with the discs; several: the blocks come as two or three series."""
    field = random.uniform(170, 220)
    rows = _matrix(random)
    size_hw = (rows, rows if random.random() < 0.7 else 2 * round(rows * 0.45))
    spacing = float(random.choice([4.0, 4.4, 4.5, 5.0]))
    wander = random.normal(0, (4, 4))
    blocks = several or random.random() < 0.5
    if blocks:
        groups = _blocks(random, patient, spacing)
        order = [list(range(len(groups)))] if not several else [
            list(part) for part in np.array_split(np.arange(len(groups)), random.choice([2, 3], p=[0.9, 0.1]))]
        stacks = [[place for group in part for place in groups[group]] for part in order]
    else:
        stacks = [_parallel(random, patient, spacing)]
    rising = random.random() < 0.12  # instance numbers rise towards the head
    plans = []
    for scan, stack in enumerate(stacks, start=1):
        planes = []
        for centre, right, down in stack:
            middle = centre + right * wander[0] + down * (wander[1] - 0.045 * field)
            px = field / rows
            planes.append(_plane(middle, right * px, down * px, size_hw))
        planes = tuple(sorted(planes, key=lambda plane: plane.centre_mm[2]))
        plans.append(SeriesPlan(Plane.AXIAL_T2, Contrast.T2, planes, round(spacing / 1.1, 2), spacing,
                                _numbers(len(planes), rising), scan=scan, described=Plane.AXIAL_T2.description))
    return plans


def _matrix(random: np.random.Generator) -> int:
    """Rows of a series. The competition has 192 to 1024, half of them from 320 to 512; large ones are rarer here."""
    return int(random.choice([192, 256, 320, 384, 448, 512, 640, 1024],
                             p=[.01, .14, .30, .29, .12, .09, .04, .01]))


def _canal(patient: Patient) -> np.ndarray:
    """(5, 3) middle of the canal at each graded disc, scanner mm."""
    return patient.place(patient.anatomy.disc_s[FIRST: FIRST + len(Level)], 0.0, CANAL_V_MM)


def _axes_at(patient: Patient, s: float) -> tuple[np.ndarray, np.ndarray]:
    origin, left, back = patient.place(np.full(3, s), np.array([0, 1.0, 0]), np.array([20, 20, 21.0]))
    right = (left - origin) / np.linalg.norm(left - origin)
    down = (back - origin) - ((back - origin) @ right) * right
    return right, down / np.linalg.norm(down)


def _blocks(random: np.random.Generator, patient: Patient, spacing: float) -> list[list[tuple]]:
    groups = []
    for index in range(len(Level)):
        s = patient.anatomy.disc_s[FIRST + index]
        right, down = _axes_at(patient, s)
        tilt, _ = cv2.Rodrigues(right * np.deg2rad(random.normal(0, 2.0)))
        right, down = tilt @ right, tilt @ down
        normal = np.cross(right, down)
        middle = patient.place(s, 0.0, CANAL_V_MM)
        count = int(random.choice([5, 6, 7]))
        offsets = (np.arange(count) - (count - 1) / 2) * spacing + random.uniform(-1.5, 1.5)
        groups.append([(middle + offset * normal, right, down) for offset in offsets])
    return groups


def _parallel(random: np.random.Generator, patient: Patient, spacing: float) -> list[tuple]:
    canal = _canal(patient)
    right, _ = _axes_at(patient, patient.anatomy.disc_s[FIRST + 2])
    along = canal[-1] - canal[0] if random.random() < 0.5 else np.array([0, 0, -1.0])
    along = along - (along @ right) * right
    along /= np.linalg.norm(along)
    down = np.cross(along, right)
    down = down if down[1] > 0 else -down
    places = canal @ along
    start, stop = places[0] - random.uniform(8, 20), places[-1] + random.uniform(10, 22)
    middle = canal.mean(axis=0)
    return [(middle + (place - middle @ along) * along, right, down) for place in np.arange(start, stop, spacing)]


def _plane(centre: np.ndarray, step_x: np.ndarray, step_y: np.ndarray, size_hw: tuple[int, int]) -> SlicePlane:
    height, width = size_hw
    return SlicePlane(centre - step_x * (width - 1) / 2 - step_y * (height - 1) / 2, step_x, step_y, size_hw)


def _numbers(count: int, rising: bool) -> tuple[int, ...]:
    return tuple(range(1, count + 1)) if rising else tuple(range(count, 0, -1))


def acquired_plane(plane: SlicePlane, mm_per_px: float) -> SlicePlane:
    """The same field of view at the acquired resolution, which the scanner then interpolates to its matrix."""
    height, width = plane.size_hw
    across, along = plane.spacing_xy_mm
    rows, columns = round(height * along / mm_per_px), round(width * across / mm_per_px)
    step_x, step_y = plane.step_x_mm * (width / columns), plane.step_y_mm * (height / rows)
    corner = plane.to_patient(np.array([-0.5, -0.5]))
    return SlicePlane(corner + step_x / 2 + step_y / 2, step_x, step_y, (rows, columns))


class Receiver:
    """Turns ideal signal into stored values: point spread, coil shading, interpolation, Rician noise, gain."""

    def __init__(self, scanner: Scanner, random: np.random.Generator):
        self.scanner = scanner
        self._random = random
        self._noise = random.standard_normal((2, 1 << 19), dtype=np.float32)
        self._slope = random.normal(0, 0.08, 2)
        self._smooth = float(random.uniform(0.0, 0.5))

    def stored(self, ideal: np.ndarray, plane: SlicePlane, depth_axis: int, centre_px: float) -> np.ndarray:
        """uint16 (rows, columns) of `plane`, 12 bits. depth_axis: the array axis that runs to the patient's back."""
        scanner = self.scanner
        blurred = cv2.GaussianBlur(ideal, (0, 0), scanner.blur_px)
        mm = plane.spacing_xy_mm[0] * plane.size_hw[1] / ideal.shape[1]
        shade = np.exp(scanner.shading * (np.arange(ideal.shape[depth_axis]) - centre_px) * mm / 100)
        ramps = [1 + slope * np.linspace(-1, 1, size) for slope, size in zip(self._slope, ideal.shape, strict=True)]
        ramps[depth_axis] = ramps[depth_axis] * np.clip(shade, 0.3, 1.9)
        shaded = blurred * np.outer(*ramps).astype(np.float32)
        noisy = self._rician(shaded)
        height, width = plane.size_hw
        full = cv2.resize(noisy, (width, height), interpolation=cv2.INTER_CUBIC)
        return np.clip(full * scanner.gain + scanner.offset + 0.5, 0, 4095).astype(np.uint16)

    def _rician(self, image: np.ndarray) -> np.ndarray:
        start = self._random.integers(0, self._noise.shape[1] - image.size)
        real, imaginary = self._noise[:, start: start + image.size].reshape(2, *image.shape)
        real, imaginary = image + np.float32(self.scanner.noise) * real, np.float32(self.scanner.noise) * imaginary
        return np.sqrt(real * real + imaginary * imaginary)
