import nbformat
import pytest

from lsdc.kernel.manifest import read_manifest
from lsdc.kernel.notebook import kernel_text, write_notebook, write_script
from lsdc.kernel.static_look import KNOWN, look, look_at_kernel, look_at_wheel, same_code
from tests.kernel.tiny_run import ROOT

PLANTED = {
    "import requests": "1: imports requests, which is for the network",
    "import urllib.request as u": "1: imports urllib.request",
    "from urllib import request": "1: imports urllib.request",
    "def f():\n    from huggingface_hub import hf_hub_download": "2: imports huggingface_hub",
    "import torch\ntorch.hub.load('a/b', 'c')": "2: calls torch.hub.load",
    "x = load_state_dict_from_url(y)": "1: calls load_state_dict_from_url",
    "socket.create_connection(('a', 1))": "1: calls socket.create_connection",
    "timm.create_model('resnet18', pretrained=True)": "1: calls timm.create_model with pretrained=True",
    "from torch.hub import load": "1: imports torch.hub.load",
    "__import__('requests').get(x)": "1: imports requests",
    "importlib.import_module('urllib.request')": "1: imports urllib.request",
    "asyncio.open_connection(host, 80)": "1: calls asyncio.open_connection",
    "os.popen('wget something')": "1: calls wget",
    "timm.create_model('resnet18', True)": "1: calls timm.create_model with pretrained=True",
    "timm.create_model('resnet18', pretrained=flag)": "with pretrained=True",
    "timm.create_model('hf-hub:a/b')": "has the address 'hf-hub:a/b'",
    "read_csv('https://somewhere/a.csv')": "has the address",
    "os.system('wget something')": "1: calls wget",
    "subprocess.run(['curl', '-O', name])": "1: calls curl",
    "subprocess.run([python, '-m', 'pip', 'install', 'timm'])": "installs with pip without --no-index",
    "open('/home/me/weights.pt')": "has a place of one machine: '/home/me/weights.pt'",
    "ROOT = 'C:\\\\data'": "has a place of one machine",
    "ROOT = '/kaggle/input/my-data'": "has a place of one machine",
    "import socket\ns = socket.socket()\ns.connect((host, 80))": "3: calls s.connect, which is for the network",
    "from socket import socket as s\ns().connect_ex(x)": "2: calls connect_ex, which is for the network",
    "import socket as net\nnet.create_connection(x)": "2: calls socket.create_connection",
    "import socket\ngetattr(socket.socket(), 'sendto')(b'', x)": "2: takes sendto, which is for the network",
    "getattr(request, 'urlopen')(x)": "1: takes urlopen, which is for the network",
    "import torch as t\nt.hub.load('a/b', 'c')": "2: calls torch.hub.load",
    "timm.create_model('resnet18', **{'pretrained': True})": "1: has the argument pretrained=True",
    "words = {'pretrained': True}\ntimm.create_model('resnet18', **words)": "1: has the argument pretrained=True",
    "words['pretrained'] = True": "1: has the argument pretrained=True",
    "exec('import requests')": "1: imports requests",
    "eval('timm.create_model(name, pretrained=True)')": "pretrained=True",
    "def f():\n    exec(text)": "2: runs what no look can see: exec of something that is not written out",
    "eval(f'{name}.load()')": "1: runs what no look can see: eval",
    "exec('exec(text)')": "1: runs what no look can see: exec",
    "import builtins\nbuiltins.exec(text)": "2: runs what no look can see: builtins.exec",
    "subprocess.run([sys.executable, '-c', 'import requests'])": "1: imports requests",
    "run('-c', 'from urllib.request import urlopen')": "1: imports urllib.request",
    "def f(:": "1: this is not Python",
}
FINE = [
    '"""See https://example.org/page, and /home/nobody."""',
    "def f():\n    '''As in https://example.org.'''",
    "timm.create_model('resnet18', pretrained=False)", "timm.create_model('resnet18', False)", "__import__('json')",
    "subprocess.run([python, '-m', 'pip', 'install', '--no-index', wheel])",
    "model.eval()", "build(name).eval()", "pattern.exec(text)", "eval('2 + 2')",
    "import socket\nname = socket.gethostname()", "run(['sh', '-c', '! touch x'])",
    "import sqlite3\nsqlite3.connect('file.db')", "button.connect(slot)", "words = {'pretrained': False}",
    "words = {'pretrained': path}", "words['pretrained'] = 1 == 2", "getattr(model, 'connect')()",
    "subprocess.run([sys.executable, '-c', 'print(2)'])", "re.compile('x')",
    "open('/proc/self/status')", "x = a / 'home' / b", "import urllib.parse", "text = 'half / half'",
]


@pytest.mark.parametrize("code", PLANTED)
def test_what_is_planted_is_found(code):
    assert any(PLANTED[code] in fault for fault in look(code, "module.py"))


@pytest.mark.parametrize("code", FINE)
def test_what_is_fine_is_left_alone(code):
    assert look(code, "module.py") == []


def test_the_wheel_is_clean_and_what_is_known_is_there(made):
    assert look_at_wheel(made / read_manifest(made)["wheel"]) == []
    for file, said in KNOWN:
        assert any(said in fault for fault in look((ROOT / file).read_text(), file))


def test_both_kernels_are_clean_and_the_same(tmp_path):
    text = kernel_text(name="lsdc-bundle-x", title="lsdc submit x")
    notebook, script = tmp_path / "kernel.ipynb", tmp_path / "kernel.py"
    write_notebook(text, notebook)
    write_script(text, script)
    assert look_at_kernel(notebook) == look_at_kernel(script) == same_code(notebook, script) == []
    script.write_text(text.replace("attempt == 3", "attempt == 2"))
    assert same_code(notebook, script)


@pytest.mark.parametrize(("cell", "fault"), [
    ("!pip install timm", "a failing !pip does not stop a notebook"),
    ("model = timm.create_model('resnet18', pretrained=True)", "pretrained=True"),
    ("DATA = '/kaggle/temp/mine'", "a place of one machine"),
])
def test_a_notebook_that_was_changed_by_hand(tmp_path, cell, fault):
    path = tmp_path / "kernel.ipynb"
    write_notebook(kernel_text(name="lsdc-bundle-x", title="lsdc submit x"), path)
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_code_cell(cell, id="mine"))
    nbformat.write(notebook, path)
    assert any(fault in one for one in look_at_kernel(path))
