"""Which machine made an image. Nothing else is read: names, dates and places of a header stay where they are."""

from pathlib import Path
from typing import NamedTuple

from lsdc.dicom.bounded import BoundedFile, parse
from lsdc.dicom.series import series_files
from lsdc.errors import DicomError

LONGEST = 64  # characters of an element of VR LO (PS3.5 6.2)
_ELEMENTS = ("Manufacturer", "ManufacturerModelName", "MagneticFieldStrength")


class Scanner(NamedTuple):
    """What the header says, "" where it does not; field strength in tesla as text."""

    manufacturer: str
    model: str
    field_tesla: str

    @property
    def name(self) -> str:
        """Maker, model and field strength in one line, nothing twice; "unknown" where none is given.

        >>> Scanner("Acme", "Acme One", "1.5").name, Scanner("Acme", "One 3T", "3").name, Scanner("", "", "").name
        ('Acme One 1.5 T', 'Acme One 3T', 'unknown')
        """
        maker = "" if self.model.lower().startswith(self.manufacturer.lower()) else self.manufacturer
        told = f"{self.field_tesla}t" in self.model.lower().replace(" ", "")
        field = f"{self.field_tesla} T" if self.field_tesla and not told else ""
        return " ".join(part for part in (maker, self.model, field) if part) or "unknown"


def read_scanner(folder: Path) -> Scanner:
    """The scanner of the first file of a series folder whose header can be read; all "" where there is none."""
    try:
        paths = series_files(folder)
    except DicomError:
        return Scanner("", "", "")
    for path in paths:
        try:
            with BoundedFile(path) as file:
                header = parse(file, pixels=False, only=list(_ELEMENTS))
            maker, model, field = (_text(header.get(name)) for name in _ELEMENTS)
        except Exception:  # noqa: S112 # nosec B112 (pydicom raises what the bytes lead it to; its series tells it)
            continue
        return Scanner(maker, model, _number(field))
    return Scanner("", "", "")


def _text(value: object) -> str:
    """One printable line of at most 64 characters."""
    words = "".join(character if character.isprintable() else " " for character in str(value or ""))
    return " ".join(words.split())[:LONGEST]


def _number(text: str) -> str:
    try:
        return f"{float(text):g}"
    except ValueError:
        return ""
