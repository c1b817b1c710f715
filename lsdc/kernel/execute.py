"""Run a notebook or script kernel as the site would, and print what it says. Called by path, with its own Python.

Knows nothing of lsdc: the environment that it runs in has none before the notebook installs it.
"""

import os
import shutil
import sys
import tempfile
from pathlib import Path

CELL_SECONDS = 9 * 3600


def execute(path: Path, out: Path) -> int:
    """Exit code of a .py file, or 1 where a cell of an .ipynb raised; the executed notebook is written to `out`."""
    if path.suffix == ".py":
        import runpy

        runpy.run_path(str(path), run_name="__main__")
        return 0
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook, code = nbformat.read(path, as_version=4), 0
    # names of sockets are short by law, so they are not below a folder that the user chose
    with tempfile.TemporaryDirectory(prefix="k", dir="/tmp" if Path("/tmp").is_dir() else None) as sockets:  # noqa: S108 # nosec B108
        try:
            NotebookClient(notebook, kernel_manager_class=_manager(sockets), kernel_name="python3",
                           timeout=CELL_SECONDS, startup_timeout=300).execute()
        except CellExecutionError:
            code = 1
        finally:
            nbformat.write(notebook, out)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            if output.output_type == "error":
                print(f"{output.ename}: {output.evalue}")
            else:
                print(output.get("text") or output.get("data", {}).get("text/plain", ""), end="")
    return code


def _manager(sockets: str) -> type:
    """Of kernels of this very Python, reached through files: no network interface is needed, not even lo."""
    from jupyter_client import AsyncKernelManager

    class Manager(AsyncKernelManager):
        def __init__(self, **more):
            super().__init__(**more, transport="ipc", ip=f"{sockets}/s")

        @property
        def kernel_spec(self):
            spec = super().kernel_spec
            spec.argv[0] = sys.executable
            return spec

    return Manager


def main() -> int:
    """Given paths of the code file and of a folder for the executed notebook, submission and names of all files."""
    code_file, log = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        return execute(code_file, log / f"executed-{code_file.name}")
    finally:
        (log / "names").write_text("".join(f"{one}\n" for one in sorted(os.listdir())))
        if Path("submission.csv").is_file():
            shutil.copyfile("submission.csv", log / "submission.csv")


if __name__ == "__main__":
    sys.exit(main())
