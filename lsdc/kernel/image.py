"""The notebook images that a bundle is made for: Python, platform, and the packages that are there."""

from dataclasses import dataclass
from pathlib import Path

from lsdc.errors import ConfigError, DataError


@dataclass(frozen=True)
class Image:
    """packages: requirement by distribution, only what inference needs of the image. lacks: what is not there."""

    name: str
    python: str
    glibc: tuple[int, int]
    packages: dict[str, str]
    lacks: tuple[str, ...]


JUPYTER = {"ipykernel": "", "nbclient": "", "nbformat": ""}  # the notebook itself
NEEDED = ("click", "filelock", "numpy", "opencv-python", "pandas", "pillow", "pydantic", "pydicom", "pyyaml",
          "safetensors", "tabulate", "timm", "torch", "torchvision", "tqdm")  # as in pyproject
LACKS = ("ultralytics", "monai", "pylibjpeg", "python-gdcm")
IMAGES = {image.name: image for image in (
    Image("2026", "3.12", (2, 35), dict.fromkeys(NEEDED, "") | {
        "torch": "==2.10.*", "torchvision": "==0.25.*", "numpy": "==2.0.*", "pandas": "==2.2.*", "timm": "==1.0.*",
        "opencv-python": "==4.13.*", "pydicom": "==3.*"} | JUPYTER, LACKS),
    Image("next", "3.13", (2, 35), dict.fromkeys(NEEDED, "") | JUPYTER, LACKS),
)}
DEFAULT_IMAGE = "2026"
TRAINING = ("ultralytics", "lightning", "pytorch_lightning", "albumentations")  # modules that inference must not need
# compiled against each other in the image: a wheel that replaces one breaks the others
NEVER = frozenset({"numpy", "torch", "torchvision", "torchaudio", "pandas", "opencv-python", "opencv-python-headless",
                   "opencv-contrib-python", "opencv-contrib-python-headless", "protobuf"})


def image_of(name: str) -> Image:
    if name not in IMAGES:
        raise ConfigError("an unknown notebook image", wanted=", ".join(IMAGES), got=name,
                          remedy="choose one of these with --image")
    return IMAGES[name]


def wheel_faults(names: list[str], image: Image) -> list[str]:
    """Why wheels, told by their file names, must not be shipped for this image; empty where all may be."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    fitting, faults = _tags(image), []
    by_package: dict[str, list[bool]] = {}
    for name in names:
        try:
            package, _, _, tags = parse_wheel_filename(name)
        except InvalidWheelFilename:
            faults.append(f"{name}: not the name of a wheel")
            continue
        if package in NEVER:
            faults.append(f"{name}: {package} is never shipped, the image's own is what its other packages fit")
        elif package in image.packages:
            faults.append(f"{name}: the image has {package}")
        by_package.setdefault(package, []).append(not tags.isdisjoint(fitting))
    return faults + [f"{package}: no wheel of it fits Python {image.python} on x86_64 Linux with glibc "
                     f"{'.'.join(map(str, image.glibc))}" for package, fits in by_package.items() if not any(fits)]


def check_wheels(wheels: list[Path], image: Image) -> None:
    """DataError unless each extra wheel may be shipped and is there."""
    faults = [f"{path}: not there" for path in wheels if not path.is_file()]
    faults += [f"{path.name}: the kit's own wheel is built from this checkout, and would take its place"
               for path in wheels if path.name.lower().startswith("lsdc-")]
    faults += wheel_faults([path.name for path in wheels], image)
    if faults:
        raise DataError("these wheels cannot be bundled", got="\n          ".join(faults), remedy="leave them out",
                        wanted=f"packages that the image {image.name} lacks ({', '.join(image.lacks)})")


def _tags(image: Image) -> set:
    from packaging.tags import compatible_tags, cpython_tags

    version = tuple(map(int, image.python.split(".")))
    major, minor = image.glibc
    platforms = [f"manylinux_{major}_{one}_x86_64" for one in range(minor, 4, -1)]
    platforms += ["manylinux2014_x86_64", "manylinux2010_x86_64", "manylinux1_x86_64", "linux_x86_64"]
    interpreter = f"cp{version[0]}{version[1]}"
    return {*cpython_tags(version, platforms=platforms), *compatible_tags(version, interpreter, platforms)}
