"""The notebook and the script kernel, of one text with cells: the same code, no models in it."""

import re
from importlib import resources
from pathlib import Path

from lsdc.kernel.layout import MANIFEST
from lsdc.kernel.metadata import COMPETITION

HOURS = 8.5  # of 9, from the start of the notebook
FALLBACK_LIMIT = 0.10  # share of rows that priors may answer before a run that saves the notebook fails
CELL = re.compile(r"^# %%( \[markdown\])? (.+)\n", flags=re.M)


def kernel_text(*, name: str, title: str, hours: float = HOURS, fallback_limit: float = FALLBACK_LIMIT) -> str:
    """The text with its cells. name: of the bundle that it looks for."""
    text = resources.files("lsdc.kernel").joinpath("templates/kernel.txt").read_text(encoding="utf-8")
    for word, value in (("TITLE", title), ("NAME", name), ("MANIFEST", MANIFEST), ("COMPETITION", COMPETITION),
                        ("HOURS", repr(float(hours))), ("LIMIT", repr(float(fallback_limit)))):
        text = text.replace(f"@{word}@", value)
    return text


def cells_of(text: str) -> list[tuple[str, str, str]]:
    """Kind (code, markdown), name and source of each cell.

    >>> cells_of("# %% [markdown] about\\n# # Hello\\n\\n# %% first\\nx = 1\\n\\n")
    [('markdown', 'about', '# Hello'), ('code', 'first', 'x = 1')]
    """
    marks = list(CELL.finditer(text))
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    cells = []
    for mark, end in zip(marks, ends, strict=True):
        source = text[mark.end():end].strip("\n")
        if mark[1]:
            source = "\n".join(line.removeprefix("#").removeprefix(" ") for line in source.splitlines())
        cells.append(("markdown" if mark[1] else "code", mark[2].strip(), source))
    return cells


def write_notebook(text: str, path: Path) -> None:
    """As .ipynb; cell ids are the cells' names, so that the same text gives the same bytes."""
    import nbformat

    make = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    cells = [make[kind](source, id=name.replace(" ", "-")) for kind, name, source in cells_of(text)]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"}})
    nbformat.validate(notebook)
    path.write_text(nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n", encoding="utf-8")


def write_script(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8")
