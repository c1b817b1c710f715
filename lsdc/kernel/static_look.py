"""A look at code without running it: network use, pretrained weights by name, text run as code, places of one machine.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from lsdc.kernel.archive import texts_in
from lsdc.kernel.notebook import cells_of

NETWORK_MODULES = frozenset({
    "aiohttp", "boto3", "ftplib", "gdown", "http.client", "httpx", "huggingface_hub", "imaplib", "kaggle", "kagglehub",
    "paramiko", "requests", "smtplib", "telnetlib", "urllib.request", "urllib3", "wandb", "websocket", "websockets",
    "xmlrpc.client"})
NETWORK_CALLS = frozenset({"create_connection", "download_url_to_file", "getaddrinfo", "hf_hub_download",
                           "load_state_dict_from_url", "open_connection", "snapshot_download", "urlopen",
                           "urlretrieve"})
HUB_CALLS = ("torch.hub.load", "hub.load")
SOCKET_CALLS = frozenset({"connect", "connect_ex", "sendto"})  # of anything, where the module imports socket
RUN_TEXT = ("eval", "exec", "builtins.eval", "builtins.exec")
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
    return [f"{name}:{line}: {said}" for line, said in sorted(set(_found(tree, allowed_places)))]


def look_at_wheel(wheel: Path) -> list[str]:
    """`look` at every module of the kit's wheel, but for what is KNOWN."""
    found = [(name, fault) for name, text in texts_in(wheel, ".py").items() for fault in look(
        text, name,
        allowed_places=("/kaggle", "/tmp", "/usr") if name.startswith("lsdc/kernel/") else ())]  # noqa: S108 # nosec B108 (compared)
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


@dataclass(frozen=True)
class _Module:
    """What all of a module has to do with each other. names: what is imported, by the name it has here."""

    names: dict[str, str]
    allowed_places: tuple[str, ...]

    @classmethod
    def of(cls, tree: ast.AST, allowed_places: tuple[str, ...]) -> "_Module":
        names = {}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names |= {one.asname or one.name: one.name for one in node.names}
            elif isinstance(node, ast.ImportFrom):
                names |= {one.asname or one.name: f"{node.module}.{one.name}" for one in node.names}
        return cls(names, allowed_places)

    def whole(self, dotted: str) -> str:
        """torch.hub.load of t.hub.load, where torch was imported as t."""
        first, dot, rest = dotted.partition(".")
        return self.names.get(first, first) + dot + rest

    @property
    def has_sockets(self) -> bool:
        return any(name == "socket" or name.startswith("socket.") for name in self.names.values())


def _found(tree: ast.AST, allowed_places: tuple[str, ...]) -> Iterator[tuple[int, str]]:
    """Line and fault, each as often as it is met."""
    documented, module = {id(node) for node in _docstrings(tree)}, _Module.of(tree, allowed_places)
    for node in ast.walk(tree):
        if id(node) not in documented:
            yield from ((node.lineno, said) for said in _faults(node, module))


def _faults(node: ast.AST, module: _Module) -> Iterator[str]:
    if isinstance(node, ast.Import | ast.ImportFrom):
        names = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            names = [node.module or "", *(f"{node.module}.{name}" for name in names)]
        yield from (f"imports {name}, which is for the network" for name in names
                    if _for_network(name) or name in HUB_CALLS)
    elif isinstance(node, ast.Call):
        yield from _of_call(node, module)
    elif isinstance(node, ast.Dict):
        if any(_says(key, "pretrained") and _says(value, True)
               for key, value in zip(node.keys, node.values, strict=True)):
            yield "has the argument pretrained=True, which downloads weights"
    elif isinstance(node, ast.Assign) and _says(node.value, True):
        if any(isinstance(one, ast.Subscript) and _says(one.slice, "pretrained") for one in node.targets):
            yield "has the argument pretrained=True, which downloads weights"
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        if found := ADDRESS.match(node.value):
            yield f"has the address {node.value[:60]!r} ({found[1]})"
        if PLACE.match(node.value) and not node.value.startswith(module.allowed_places or ("\0",)):
            yield f"has a place of one machine: {node.value[:60]!r}"


def _of_call(node: ast.Call, module: _Module) -> Iterator[str]:
    called = module.whole(_dotted(node.func))
    last, first = called.rpartition(".")[2], node.args[0] if node.args else None
    if last in NETWORK_CALLS or called in HUB_CALLS or (last in SOCKET_CALLS and module.has_sockets):
        yield f"calls {called}, which is for the network"
    if called == "getattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant) and (
            node.args[1].value in NETWORK_CALLS or (node.args[1].value in SOCKET_CALLS and module.has_sockets)):
        yield f"takes {node.args[1].value}, which is for the network"
    if last in ("__import__", "import_module") and isinstance(first, ast.Constant) and _for_network(first.value):
        yield f"imports {first.value}, which is for the network"
    if last == "create_model" and len(node.args) > 1 and _true(node.args[1]):
        yield f"calls {called} with pretrained=True, which downloads weights"
    if any(word.arg == "pretrained" and _true(word.value) for word in node.keywords):
        yield f"calls {called} with pretrained=True, which downloads weights"
    if called in RUN_TEXT and (isinstance(node.func, ast.Name) or "." in called):  # not build().eval()
        yield from _of_text(first, f"runs what no look can see: {called} of something that is not written out", module)
    if last in ("system", "popen", "run", "Popen", "check_call", "check_output", "call"):
        yield from _of_commands(node, module)


def _of_text(node: ast.AST | None, otherwise: str | None, module: _Module) -> Iterator[str]:
    """Faults of a text that is run as code; `otherwise`, if there is one, where it is not written out or no Python."""
    try:
        tree = ast.parse(node.value.strip()) if isinstance(node, ast.Constant) else None
    except (SyntaxError, AttributeError, TypeError):
        tree = None
    if tree is not None:
        yield from (said for _, said in _found(tree, module.allowed_places))
    elif otherwise:
        yield otherwise


def _for_network(name: object) -> bool:
    return isinstance(name, str) and any(name == one or name.startswith(f"{one}.") for one in NETWORK_MODULES)


def _of_commands(node: ast.Call, module: _Module) -> Iterator[str]:
    """A call of a program: its words, as far as they are written out, and what stands behind -c as Python."""
    for words in (node.args, *(one.elts for one in node.args if isinstance(one, ast.List | ast.Tuple))):
        for option, text in pairwise(words):
            if _says(option, "-c") and isinstance(text, ast.Constant):
                yield from _of_text(text, None, module)  # which may be a shell's
    said = " ".join(one.value for one in ast.walk(node) if isinstance(one, ast.Constant) and isinstance(one.value, str))
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


def _says(node: ast.AST | None, value: object) -> bool:
    """Whether a value is written out as this one."""
    return isinstance(node, ast.Constant) and type(node.value) is type(value) and node.value == value


def _true(value: ast.expr) -> bool:
    """Written out as true, or something else than a plain false: what is not known may be true."""
    return not (isinstance(value, ast.Constant) and not value.value)


def _docstrings(tree: ast.AST) -> Iterator[ast.AST]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value
