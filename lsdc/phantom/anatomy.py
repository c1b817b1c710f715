"""One patient's spine as numbers: discs and bodies along a curve, and the narrowing that the latents drive.

Lengths are mm. `s` runs along the spine from head to foot, `u` to the patient's left, `v` to the back.
"""

from dataclasses import dataclass

import numpy as np

from lsdc.taxonomy import TARGETS, Condition, Level, Side

DISCS = ("t10_t11", "t11_t12", "t12_l1", *Level, "s1_s2", "s2_s3", "s3_s4")
BODIES = ("t11", "t12", "l1", "l2", "l3", "l4", "l5", "s1", "s2", "s3")  # body i lies between disc i and disc i + 1
FIRST = DISCS.index(Level.L1_L2)  # index of the first graded disc
GRADED = slice(FIRST, FIRST + len(Level))
SIDES = (Side.LEFT, Side.RIGHT)

SPACING_MM = (29.0, 31.0, 33.0, 35.0, 36.0, 36.5, 35.0, 29.0, 25.0, 22.0)  # between neighbouring disc centres
HALF_HEIGHT_MM = (2.6, 3.0, 3.5, 4.2, 4.8, 5.3, 5.6, 4.8, 1.3, 0.8, 0.7)
LORDOSIS_SHARE = (0.08, 0.12, 0.17, 0.26, 0.37)  # of the angle L1-S1, over the graded discs
OTHER_ANGLES_DEG = {"t10_t11": -4.0, "t11_t12": -3.0, "t12_l1": -1.0, "s1_s2": -9.0, "s2_s3": -15.0, "s3_s4": -18.0}
NORMAL_CANAL_MM, NORMAL_RECESS_MM = 15.5, 5.0


VARIANTS = {"six_lumbar": 0.02, "four_lumbar": 0.02, "transitional_s1": 0.03}  # shares of patients
USUAL = "usual"  # five
SCHMORL_RATE, COMPRESSION_RATE = 0.04, 0.04  # of endplates; of patients past 60


@dataclass(frozen=True, eq=False)
class Dents:
    """Where endplates give way to the disc: Schmorl-like nodes and small compressions. Arrays (2, 11), mm.

    First the endplates above each of DISCS, then those below; depth 0 where an endplate is whole.
    """

    depth: np.ndarray
    reach: np.ndarray
    v: np.ndarray  # of the middle, towards the back


@dataclass(frozen=True, eq=False)
class Anatomy:
    """What a patient's shapes are computed from. Arrays by disc follow DISCS; by side, SIDES."""

    age: int
    sex: str
    variant: str
    scale: float
    disc_s: np.ndarray  # (11,) centre of each disc along the curve
    half_height: np.ndarray  # (11,)
    angles: np.ndarray  # (11,) radians by which the curve turns at each disc, lordosis positive
    posture: float  # radians, tilt of the curve at L3/L4
    hydration: np.ndarray  # (11,) 0 black disc .. 1 bright nucleus
    marrow_change: np.ndarray  # (11,) fatty (positive) or oedematous (negative) bands at the endplates (Modic-like)
    dents: "Dents"
    conus_s: float  # where the cord ends
    scoliosis_mm: tuple[float, float]  # amplitude, phase
    rotation: float  # radians of axial rotation over the lumbar spine
    fat_back_mm: float  # subcutaneous fat behind the muscles
    muscle_fat: float  # 0 lean .. 1 streaky muscles
    canal_mm: np.ndarray  # (11,) antero-posterior diameter of the dural sac at each disc
    recess_mm: np.ndarray  # (2, 11) depth of the lateral recesses
    foramen: np.ndarray  # (2, 11) openness of the foramina: 1 wide, 0 no fat left

    @property
    def body_s(self) -> np.ndarray:
        """(10,) centres of BODIES along the curve."""
        return (self.disc_s[1:] + self.disc_s[:-1]) / 2


def canal_mm(z: np.ndarray) -> np.ndarray:
    """Antero-posterior diameter of the sac, mm: 16.5 down to 3.5, falling with the latent."""
    return np.clip(12.2 - 2.8 * np.asarray(z), 3.5, 16.5)


def recess_mm(z: np.ndarray) -> np.ndarray:
    """Depth of a lateral recess, mm: 6.5 down to 0.3, falling with the latent."""
    return np.clip(3.5 - 1.15 * np.asarray(z), 0.3, 6.5)


def foramen_openness(z: np.ndarray) -> np.ndarray:
    """Openness of a foramen: 1.1 (wide, much fat) down to 0 (no fat left), falling with the latent."""
    return np.clip(0.62 - 0.22 * np.asarray(z), 0.0, 1.1)


def draw_anatomy(random: np.random.Generator, z: np.ndarray) -> Anatomy:
    """A patient whose narrowing follows the latents z (25,) in the order of TARGETS."""
    latent = _by_disc(z)
    severity = z.mean()
    age = int(np.clip(random.normal(56 + 5 * severity, 13), 19, 92))
    sex = str(random.choice(["F", "M"]))
    scale = float(np.clip(random.normal(0.97 if sex == "F" else 1.04, 0.03), 0.88, 1.12))
    worn = np.clip(0.45 * latent["worn"] + random.normal(0, 0.5, len(DISCS)) + (age - 55) / 22, -2, 2.5)
    half_height = np.array(HALF_HEIGHT_MM) * scale * random.normal(1, 0.06, len(DISCS)) * (1 - 0.07 * worn.clip(0))
    half_height[GRADED] = half_height[GRADED].clip(3.3, 6.5)
    spacing = np.array(SPACING_MM) * scale * random.normal(1, 0.02, len(SPACING_MM))
    spacing[FIRST: FIRST + 4] = spacing[FIRST: FIRST + 4].clip(30.5, 39.5)
    change = np.where(random.random(len(DISCS)) < 0.10 + 0.06 * worn.clip(0), random.choice([-1.0, 1.0], len(DISCS)), 0)
    variant = _variant(random, half_height, spacing, scale)
    disc_s = np.concatenate([[0.0], np.cumsum(spacing)])
    return Anatomy(
        age=age, sex=sex, variant=variant, scale=scale, disc_s=disc_s, half_height=half_height,
        dents=_dents(random, age, worn), conus_s=_conus(random, disc_s, variant),
        angles=_angles(random), posture=np.deg2rad(random.normal(0, 3)),
        hydration=np.clip(0.62 - 0.30 * worn, 0.03, 1.0), marrow_change=change * random.uniform(0.4, 1.0, len(DISCS)),
        scoliosis_mm=(float(np.clip(random.normal(0, 2.5), -6, 6)), float(random.uniform(0, 2 * np.pi))),
        rotation=np.deg2rad(random.normal(0, 1.5)), fat_back_mm=float(random.uniform(8, 38)),
        muscle_fat=float(np.clip((age - 30) / 60 + random.normal(0, 0.15), 0.03, 1)),
        canal_mm=canal_mm(latent[Condition.CANAL]), recess_mm=recess_mm(latent[Condition.SUBARTICULAR]),
        foramen=foramen_openness(latent[Condition.FORAMINAL]),
    )


def _variant(random: np.random.Generator, half_height: np.ndarray, spacing: np.ndarray, scale: float) -> str:
    """A rare count of lumbar-type bodies, done to the heights in place. Levels are counted from the sacrum upwards.

    With six lumbar-type bodies the one above L1 looks as if it were lumbar too; with four, L1 looks thoracic.
    """
    drawn = random.choice([USUAL, *VARIANTS], p=[1 - sum(VARIANTS.values()), *VARIANTS.values()])
    if drawn == "transitional_s1":
        half_height[GRADED.stop] = 3.6
    elif drawn == "six_lumbar":
        half_height[FIRST - 1], spacing[FIRST - 1] = half_height[FIRST], spacing[FIRST]
    elif drawn == "four_lumbar":
        half_height[FIRST] = max(HALF_HEIGHT_MM[FIRST - 1] * scale, 3.0)
        spacing[FIRST] = 31.0 * scale
    return str(drawn)


def _conus(random: np.random.Generator, disc_s: np.ndarray, variant: str) -> float:
    """The cord ends near L1/L2 as one counts from above, so a level off where one lumbar body is too many or few."""
    disc = FIRST + {"six_lumbar": -1, "four_lumbar": 1}.get(variant, 0)
    return float(disc_s[disc] - 4 + np.clip(random.normal(0, 6), -14, 14))


def _dents(random: np.random.Generator, age: int, worn: np.ndarray) -> Dents:
    shape = (2, len(DISCS))
    node = random.random(shape) < SCHMORL_RATE * (1 + worn.clip(0))
    depth, reach = node * random.uniform(2.5, 5.5, shape), random.uniform(4, 7, shape)
    v = random.normal(-1, 4, shape)
    if age > 60 and random.random() < COMPRESSION_RATE:  # an upper endplate that has sunk, rather in front
        disc = int(random.integers(FIRST - 1, GRADED.stop - 1))
        depth[1, disc], reach[1, disc], v[1, disc] = random.uniform(3, 7), 17.0, -5.0
    return Dents(depth, reach, v)


def _angles(random: np.random.Generator) -> np.ndarray:
    lordosis = np.clip(random.normal(43, 9), 20, 66)
    angles = np.zeros(len(DISCS))
    angles[GRADED] = lordosis * np.array(LORDOSIS_SHARE) * random.normal(1, 0.08, len(Level))
    for name, degrees in OTHER_ANGLES_DEG.items():
        angles[DISCS.index(name)] = degrees * random.normal(1, 0.2)
    return np.deg2rad(angles)


def _by_disc(z: np.ndarray) -> dict[str, np.ndarray]:
    """Latents spread over DISCS (ungraded discs take a wide -1): canal (11,), the others (2, 11) by side."""
    by_target = dict(zip(TARGETS, z, strict=True))
    spread = {Condition.CANAL: np.full(len(DISCS), -1.0)}
    spread[Condition.CANAL][GRADED] = [by_target[Condition.CANAL, Side.MIDLINE, level] for level in Level]
    for condition in (Condition.FORAMINAL, Condition.SUBARTICULAR):
        spread[condition] = np.full((2, len(DISCS)), -1.0)
        spread[condition][:, GRADED] = [[by_target[condition, side, level] for level in Level] for side in SIDES]
    spread["worn"] = (spread[Condition.CANAL] + spread[Condition.FORAMINAL].mean(0)) / 2
    return spread
