"""One small family of exceptions: what was wanted, what came, where, and what to do."""

LINES, LAST, LONGEST = 200, 5, 2000  # of a message: lines, of these at its end, and characters of each


class LsdcError(Exception):
    """Base of every error the kit raises on purpose.

    The command line prints it as text without a traceback and exits with `exit_code`.
    """

    exit_code = 2

    def __init__(
        self,
        problem: str,
        *,
        wanted: object = None,
        got: object = None,
        where: object = None,
        remedy: str | None = None,
    ):
        self.problem, self.wanted, self.got, self.where, self.remedy = problem, wanted, got, where, remedy
        super().__init__(problem, wanted, got, where, remedy)

    def __str__(self) -> str:
        lines = [self.problem]
        for word in ("wanted", "got", "where"):
            if (value := getattr(self, word)) is not None:
                lines.append(f"  {word + ':':<8}{printable(str(value)) if word == 'where' else value}")
        if self.remedy:
            lines.append(f"  {'to do:':<8}{self.remedy}")
        return bounded(message("\n".join(lines)))

    def __reduce__(self):  # so that an error crosses process boundaries whole
        return _rebuild, (type(self), self.problem, self.wanted, self.got, self.where, self.remedy)


def _rebuild(kind, problem, wanted, got, where, remedy):
    return kind(problem, wanted=wanted, got=got, where=where, remedy=remedy)


class ConfigError(LsdcError):
    """Settings that cannot be used: unknown key, wrong type, a value out of range, a run made with others."""


class DataError(LsdcError):
    """A competition folder, table or study that is not what it should be."""


class TableError(DataError):
    """A table that crosses a stage and does not fit its declaration; lists every fault at once."""


class DicomError(DataError):
    """A file or series that cannot be read as the MR image it claims to be."""


class PassingError(DicomError):
    """A file that cannot be read now, for a reason that may pass: a disk that fails, a permission, a decoder that is
    not installed. The same bytes may be an image."""


class FoldError(DataError):
    """An unknown fold, a study in two folds, or rows of folds that must not meet."""


class WeightsError(LsdcError):
    """A weights file that is missing, damaged, or of another model."""


class DeviceError(LsdcError):
    """A device that was asked for and is absent or does not work."""


class StorageError(LsdcError):
    """No room, no permission, or a folder in use by another run."""


class FullDiskError(StorageError):
    """No room for what is to be written."""


class BusyError(StorageError):
    """A place in which another process works."""


class TaskError(LsdcError):
    """Tasks of a launch that failed at every try; what the others made is kept."""

    exit_code = 1


def printable(text: str, *, lines: bool = False) -> str:
    """Words of others as they can be shown: what would steer a terminal, or turn or hide text, as its escape.

    lines: the text has lines of its own, which stay.

    >>> printable("T2\\x1b[2J\\n\\u202e")
    'T2\\\\x1b[2J\\\\n\\\\u202e'
    """
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() or (lines and one == "\n") else
                   one.encode("unicode_escape").decode() for one in text)


def message(text: str) -> str:
    """`printable` for a message, whose own further lines begin with blanks: another line end came with words of others.

    >>> print(message("no a\\nb\\n  got: c"))
    no a\\nb
      got: c
    """
    return "\n  ".join(map(printable, text.split("\n  ")))


def bounded(text: str) -> str:
    """A message with at most LINES lines of at most LONGEST characters; how many are left out is said.

    >>> [len(bounded("a\\n" * 150).split("\\n")), len(bounded("a\\n" * 500).split("\\n"))]
    [151, 200]
    """
    lines = [shortened(line, LONGEST) for line in text.split("\n")]
    if len(lines) <= LINES:
        return "\n".join(lines)
    first = lines[:LINES - LAST - 1]
    return "\n".join([*first, f"  ... {len(lines) - len(first) - LAST} lines left out", *lines[-LAST:]])


def shortened(text: str, longest: int = 200) -> str:
    """Words of others for a message: a text whose middle is left out where it is longer.

    >>> shortened("9" * 1000, 9)
    '9999...9999'
    """
    return text if len(text) <= longest else f"{text[:longest // 2]}...{text[-(longest // 2):]}"
