"""The house rules that a machine can check: imports point down, heavy libraries have one owner, help is quick."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OWNERS = {
    "pydicom": {"lsdc/dicom/", "lsdc/phantom/", "lsdc/bench/stages/plain_dicom.py"},  # the last: what ours is beside
    "SimpleITK": {"lsdc/bench/stages/plain_dicom.py"},
    "ultralytics": {"lsdc/detect/"},
    "timm": {"lsdc/grade/timm_network.py"},
    "lightning": {"lsdc/grade/", "lsdc/train/"},
    "albumentations": {"lsdc/grade/", "lsdc/detect/worker.py"},
    "matplotlib": {"lsdc/report/figures.py", "lsdc/show/"},
    "jinja2": {"lsdc/report/page.py"},
    "submitit": {"lsdc/scale/"},
}
MODULES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in ROOT.glob("lsdc/**/*.py")}


def floors() -> dict[str, int]:
    """The floor of each room, read from the table in README.md."""
    table = re.findall(r"^\| (\d+) \| (.+?) \|", (ROOT / "README.md").read_text(), flags=re.M)
    return {room: int(floor) for floor, rooms in table for room in re.findall(r"`([a-z_]+)(?:\.py|/)`", rooms)}


def room_of(path: str) -> str:
    return path.split("/")[1].removesuffix(".py")


def imports(tree: ast.AST):
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from ((f"lsdc.{alias.name}" for alias in node.names) if node.module == "lsdc" else (node.module,))


def test_one_module_alone_knows_of_the_network():
    """Training on several devices, which talk to each other; `tests/faults/test_private.py` watches every command."""
    asking = {"aiohttp", "asyncio", "ftplib", "http", "httpx", "requests", "smtplib", "socket", "socketserver", "ssl",
              "telnetlib", "urllib", "urllib3", "websockets", "xmlrpc"}
    assert {path for path, tree in MODULES.items() if {name.split(".")[0] for name in imports(tree)} & asking} == {
        "lsdc/grade/launch.py"}


def test_every_room_has_a_floor():
    rooms = {room_of(path) for path in MODULES} - {"__init__", "__main__"}
    assert rooms == set(floors())


def test_imports_point_down():
    floor, wrong = floors(), []
    for path, tree in MODULES.items():
        if (room := room_of(path)).startswith("__"):
            continue
        for name in imports(tree):
            other = name.split(".")[1] if name.startswith("lsdc.") else room
            if other in floor and other != room and floor[other] >= floor[room] and floor[room] > 1:
                wrong.append(f"{path} (floor {floor[room]}) imports {name} (floor {floor[other]})")
            if other in floor and floor[other] > floor[room]:
                wrong.append(f"{path} (floor {floor[room]}) imports {name} (floor {floor[other]})")
    assert not wrong, "\n".join(wrong)


def test_heavy_libraries_have_one_owner():
    wrong = [f"{path} imports {name}" for path, tree in MODULES.items() for name in imports(tree)
             for library, owners in OWNERS.items()
             if name.split(".")[0] == library and not any(path.startswith(owner) for owner in owners)]
    assert not wrong, "\n".join(wrong)


def test_inference_imports_no_training_library():
    code = ("import sys, lsdc.submit.models, lsdc.submit.pipeline, lsdc.cli.on_predict; "
            "print([name for name in ('ultralytics', 'lightning', 'pytorch_lightning', 'albumentations', 'scipy', "
            "'sklearn', 'iterstrat', 'matplotlib', 'tensorboard') if name in sys.modules])")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_the_process_that_deals_studies_out_needs_no_torch():
    code = "import sys, lsdc.submit.pipeline; print([name for name in ('torch', 'timm') if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_the_table_of_runs_draws_nothing():
    code = ("import sys, lsdc.report; "
            "print([name for name in ('torch', 'matplotlib', 'jinja2', 'lightning') if name in sys.modules])")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"


def test_help_loads_nothing_heavy():
    code = ("import sys; sys.argv = ['lsdc', '--help']; import lsdc.cli.commands as c; "
            "c.lsdc(standalone_mode=False); "
            "print([name for name in ('torch', 'numpy', 'pandas', 'pydantic', 'pydicom') if name in sys.modules])")
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[]"
