"""What a damaged file may be quoted with: its damage may have put a name or a birth date where any element is read."""

import re

import numpy as np

from lsdc.errors import shortened

PLAIN_NUMBER = 1e5  # above it only the size of a number is told: it may be a date or an id
_VALUE = re.compile(r"""(?!(?<=n)'t\b)['":].*""")  # what an exception says of a value follows such a mark
_WORD = re.compile(r"\(?[a-z]+('[a-z]+)?\)?[.,;]?|\d{1,4}[.,;]?|[-/+*=<>]+|[A-Z][a-z]+")
# defined terms of Modality and BodyPartExamined (PS3.3 C.7.3.1.1.1, PS3.16 annex L), those that one meets
MODALITIES = frozenset((
    "CR", "CT", "DX", "ES", "IO", "KO", "MG", "MR", "NM", "OP", "OT", "PR", "PT", "PX", "REG", "RF", "RTDOSE",
    "RTPLAN", "RTSTRUCT", "SC", "SEG", "SM", "SR", "US", "XA"))
BODY_PARTS = frozenset((
    "ABDOMEN", "ABDOMENPELVIS", "ANKLE", "ARM", "BRAIN", "BREAST", "CERVIX", "CHEST", "CHESTABDOMEN", "COCCYX",
    "CSPINE", "ELBOW", "EYE", "FEMUR", "FINGER", "FOOT", "FOREARM", "HAND", "HEAD", "HEADNECK", "HEART", "HIP",
    "HUMERUS", "JAW", "KNEE", "LEG", "LIVER", "LSPINE", "NECK", "ORBIT", "PELVIS", "PROSTATE", "SACRUM",
    "SHOULDER", "SKULL", "SPINE", "SSPINE", "TIBIA", "TOE", "TSPINE", "UTERUS", "WHOLEBODY", "WRIST"))


def rough(number: float) -> str:
    """A number from a header, as a message may have it.

    >>> rough(0.25), rough(65535.0), rough(19550123)
    ('0.25', '65535', 'about 2e+07')
    """
    return f"{number:g}" if abs(number) < PLAIN_NUMBER else f"about {number:.0e}"


def rough_all(numbers: np.ndarray) -> str:
    return ", ".join(map(rough, np.ravel(numbers)))


def kind_of(value: object) -> str:
    """What an element holds in the place of numbers, without saying it.

    >>> kind_of("12,5"), kind_of([1, "a"]), kind_of(b"")
    ('a text of 4 characters', '2 values', 'bytes')
    """
    if isinstance(value, str):
        return f"a text of {len(value)} characters"
    if isinstance(value, bytes):
        return "bytes"
    if hasattr(value, "__len__"):
        return f"{len(value)} values"
    return "a number" if isinstance(value, (int, float)) else type(value).__name__


def term(text: str, known: frozenset[str]) -> str:
    """A code, where it is one, in capitals without what is between them.

    >>> term("C-Spine ", BODY_PARTS), term("SMITH^ANN", BODY_PARTS)
    ('CSPINE', 'an unknown term')
    """
    letters = re.sub(r"[^A-Z]", "", text.upper())
    return letters if letters in known else "an unknown term"


def named(error: Exception) -> str:
    """Kind and first line of an exception of another package, up to a value, in words that are no names.

    >>> named(ValueError("invalid literal for int() with base 10: 'O'Neill Ann'")), named(LookupError("unknown: Smith"))
    ('ValueError: invalid literal for ... with base 10 ...', 'LookupError: unknown ...')
    """
    words = _VALUE.sub(" ...", (str(error).splitlines() or [""])[0]).split()
    told = " ".join(word if _WORD.fullmatch(word) and (number == 0 or not word.istitle()) else "..."
                    for number, word in enumerate(words))
    return shortened(f"{type(error).__name__}: {re.sub(r'[.]{3}( [.]{3})+', '...', told)}".removesuffix(": "))
