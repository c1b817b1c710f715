"""A look at code without running it: network use, pretrained weights by name, places of one machine."""

import ast
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lsdc.kernel.notebook import cells_of

NETWORK_MODULES = frozenset({
    "aiohttp", "boto3", "ftplib", "gdown", "http.client", "httpx", "huggingface_hub", "imaplib", "kaggle", "kagglehub",
    "paramiko", "requests", "smtplib", "telnetlib", "urllib.request", "urllib3", "wandb", "websocket", "websockets",
    "xmlrpc.client"})
NETWORK_CALLS = frozenset({"create_connection", "download_url_to_file", "getaddrinfo", "hf_hub_download",
                           "load_state_dict_from_url", "open_connection", "snapshot_download", "urlopen",
                           "urlretrieve"})
HUB_CALLS = ("torch.hub.load", "hub.load")
PROGRAMS = re.compile(r"\b(curl|wget|git clone|apt-get|conda install)\b")
ADDRESS = re.compile(r"\b(https?|ftp|s3|gs|hf-hub|hf_hub):")
FOLDERS = "home|Users|root|work|workspace|mnt|media|data|opt|srv|content|kaggle|tmp|usr|var"
PLACE = re.compile(rf"^(/({FOLDERS})(/|$)|[A-Z]:\\)")
SITE = ("/kaggle/input", "/kaggle/working")  # what a notebook may know
KNOWN = {  # looked at, and right: in our wheel, what is said of a file, why
    ("lsdc/grade/launch.py", "calls socket.create_connection"): "to this machine itself, before a training",
    ("lsdc/grade/timm_network.py", "calls timm.create_model with pretrained=True"): "from a local file that is named",
}


def look(text: str, name: str, *, allowed_places: tuple[str, ...] = ()) -> list[str]:
    """What of a Python source is not for an offline notebook, each with its line; empty where all is well.

    allowed_places: beginnings of paths that may stand there.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        return [f"{name}:{error.lineno}: this is not Python: {error.msg}"]
    documented = {id(node) for node in _docstrings(tree)}
    found = [(node.lineno, said) for node in ast.walk(tree) if id(node) not in documented
             for said in _faults(node, allowed_places)]
    return [f"{name}:{line}: {said}" for line, said in sorted(set(found))]


def look_at_wheel(wheel: Path) -> list[str]:
    """`look` at every module of the kit's wheel, but for what is KNOWN."""
    with zipfile.ZipFile(wheel) as archive:
        names = sorted(name for name in archive.namelist() if name.endswith(".py"))
        found = [(name, fault) for name in names for fault in look(
            archive.read(name).decode("utf-8"), name,
            allowed_places=("/kaggle", "/tmp", "/usr") if name.startswith("lsdc/kernel/") else ())]  # noqa: S108
    return [fault for name, fault in found
            if not any(name == file and said in fault for file, said in KNOWN)]


def look_at_kernel(path: Path) -> list[str]:
    """`look` at a notebook or script, which may know the site's own folders; and that it is one text with the other."""
    if path.suffix == ".py":
        return look(path.read_text(encoding="utf-8"), path.name, allowed_places=SITE)
    import nbformat

    notebook, faults = nbformat.read(path, as_version=4), []
    for cell in notebook.cells:
        if cell.cell_type == "code":
            if magic := [line for line in cell.source.splitlines() if line.lstrip().startswith(("!", "%"))]:
                faults.append(f"{path.name}, {cell.id}: a failing {magic[0].split()[0]} does not stop a notebook")
                continue
            faults += look(cell.source, f"{path.name}, {cell.id}", allowed_places=SITE)
    return faults


def same_code(notebook: Path, script: Path) -> list[str]:
    """A fault unless both kernels have the same cells."""
    import nbformat

    cells = [(cell.cell_type, cell.source) for cell in nbformat.read(notebook, as_version=4).cells]
    told = [(kind, source) for kind, _, source in cells_of(script.read_text(encoding="utf-8"))]
    return [] if cells == told else [f"{notebook.name} and {script.name} are not the same code"]


def _faults(node: ast.AST, allowed_places: tuple[str, ...]) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{name}" for name in names)]
        yield from (f"imports {name}, which is for the network" for name in names
                    if _for_network(name) or name in HUB_CALLS)
    elif isinstance(node, ast.Call):
        called = _dotted(node.func)
        if called.rpartition(".")[2] in NETWORK_CALLS or called in HUB_CALLS:
            yield f"calls {called}, which is for the network"
        last, first = called.rpartition(".")[2], node.args[0] if node.args else None
        if last in ("__import__", "import_module") and isinstance(first, ast.Constant) and _for_network(first.value):
            yield f"imports {first.value}, which is for the network"
        if last == "create_model" and len(node.args) > 1 and _true(node.args[1]):
            yield f"calls {called} with pretrained=True, which downloads weights"
        if any(word.arg == "pretrained" and _true(word.value) for word in node.keywords):
            yield f"calls {called} with pretrained=True, which downloads weights"
        if last in ("system", "popen", "run", "Popen", "check_call", "check_output", "call"):
            yield from _of_commands(node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if found := ADDRESS.match(node.value):
            yield f"has the address {node.value[:60]!r} ({found[1]})"
        if PLACE.match(node.value) and not node.value.startswith(allowed_places or ("\0",)):
            yield f"has a place of one machine: {node.value[:60]!r}"


def _for_network(name: object) -> bool:
    return isinstance(name, str) and any(name == one or name.startswith(f"{one}.") for one in NETWORK_MODULES)


def _of_commands(node: ast.Call) -> Iterator[str]:
    """A call of a program: its words, as far as they are written out."""
    words = [one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    said = " ".join(words)
    if found := PROGRAMS.search(said):
        yield f"calls {found[1]}, which is for the network"
    if re.search(r"\bpip\b.*\binstall\b", said) and "--no-index" not in said:
        yield "installs with pip without --no-index"


def _dotted(called: ast.expr) -> str:
    """The name that is called, as in torch.hub.load; only its last part where it is called on some value."""
    parts = []
    while isinstance(called, ast.Attribute):
        parts.append(called.attr)
        called = called.value
    return ".".join([*([called.id] if isinstance(called, ast.Name) else []), *reversed(parts)])


def _true(value: ast.expr) -> bool:
    """Written out as true, or something else than a plain false: what is not known may be true."""
    return not (isinstance(value, ast.Constant) and not value.value)


def _docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value
