"""Run a notebook or script kernel as the site would, and print what it says. Called by path, with its own Python.

Knows nothing of lsdc: the environment that it runs in has none before the notebook installs it.
"""

import shutil
import sys
from pathlib import Path

CELL_SECONDS = 9 * 3600


def execute(path: Path, out: Path) -> int:
    """Exit code of a .py file, or 1 where a cell of an .ipynb raised; the executed notebook is written to `out`."""
    if path.suffix == ".py":
        import runpy

        runpy.run_path(str(path), run_name="__main__")
        return 0
    import tempfile

    import nbformat
    from jupyter_client import AsyncKernelManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory(prefix="k") as sockets:  # ipc: no network interface is needed, nor lo
        manager = AsyncKernelManager(kernel_name="python3", transport="ipc", ip=f"{sockets}/s")
        manager.kernel_spec.argv[0] = sys.executable
        client = NotebookClient(notebook, km=manager, timeout=CELL_SECONDS, startup_timeout=300)
        code = 0
        try:
            client.execute()
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


def main() -> int:
    """Paths of the code file and of the folder that gets the executed notebook and a copy of what was submitted."""
    code_file, log = Path(sys.argv[1]), Path(sys.argv[2])
    try:
        return execute(code_file, log / f"executed-{code_file.name}")
    finally:
        if Path("submission.csv").is_file():
            shutil.copyfile("submission.csv", log / "submission.csv")


if __name__ == "__main__":
    sys.exit(main())
