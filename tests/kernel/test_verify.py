import json
from pathlib import Path

import nbformat
import pytest
from click.testing import CliRunner

from lsdc.cli.on_bundle import bundle as bundle_command
from lsdc.errors import LsdcError
from lsdc.files import file_hash
from lsdc.kernel.environment import make_environment
from lsdc.kernel.manifest import file_entry, read_manifest, write_manifest
from lsdc.kernel.page import plain, score_text, text_of
from lsdc.kernel.sandbox import choose_sandbox
from lsdc.kernel.trial import Judged, Told, mounts_of
from lsdc.kernel.verify import Check, Plan, projected_hours, verify
from tests.kernel.conftest import IMAGE

EMPTY_ZIP = b"PK\5\6" + bytes(18)


def rewritten(bundle: Path) -> None:
    """The manifest of a spoiled bundle as if it had been made so."""
    manifest = read_manifest(bundle)
    places = {name: told.get("place") for name, told in manifest["files"].items()}
    manifest["files"] = {path.name: file_entry(path, places.get(path.name)) for path in sorted(bundle.iterdir())
                         if path.name != "lsdc-bundle.json"}
    write_manifest(bundle, {key: value for key, value in manifest.items() if key != "sha256"})


def faults(bundle: Path, tmp_path: Path, **plan) -> dict[str, tuple[str, ...]]:
    """By the name of each check, without executing anything."""
    checks = verify(bundle, tmp_path / "cache", Plan(**({"kinds": (), "first": ()} | plan)))
    return {check.name: check.faults for check in checks}


def test_every_check_of_a_good_bundle(made, tmp_path):
    told = faults(made, tmp_path, kinds=("here",))
    assert list(told) == ["files", "models", "names", "wheels", "code", "sandbox", "environment here"]
    assert not any(told.values())


def test_a_spoiled_bundle_ends_with_1_and_is_not_executed(bundle, tmp_path, monkeypatch):
    monkeypatch.setenv("LSDC_CACHE", str(tmp_path / "cache"))
    (bundle / "tiny--fold0--priors.csv").write_text("other")
    told = CliRunner().invoke(bundle_command, ["verify", str(bundle), "--environment", "here"])
    assert told.exit_code == 1
    assert "FAIL files" in told.output
    assert "changed: tiny--fold0--priors.csv (5 bytes" in told.output
    assert told.output.splitlines()[-1] == "NOT VERIFIED: 3 of 6 checks failed"
    told = CliRunner().invoke(bundle_command, ["verify", str(bundle), "--environment", "here", "--json"])
    figures = json.loads(told.stdout)
    assert (told.exit_code, figures["verified"]) == (1, False)
    assert [check["name"] for check in figures["checks"] if not check["ok"]] == ["files", "models", "notebook"]
    told = CliRunner().invoke(bundle_command, ["verify", str(tmp_path / "nowhere")])
    assert told.exit_code == 1
    assert "this is no bundle" in told.output


def test_what_hashes_do_not_tell(bundle, tmp_path):
    """A bundle that was made badly, its manifest to match."""
    (bundle / "numpy-2.0.0-cp312-cp312-manylinux_2_28_x86_64.whl").write_bytes(EMPTY_ZIP)
    notebook = nbformat.read(bundle / "submit-offline.ipynb", as_version=4)
    notebook.cells[1].source = "import requests\n" + notebook.cells[1].source
    nbformat.write(notebook, bundle / "submit-offline.ipynb")
    kernel = json.loads((bundle / "kernel-metadata.json").read_text())
    del kernel["enable_internet"]
    (bundle / "kernel-metadata.json").write_text(json.dumps(kernel | {"title": "another title"}))
    rewritten(bundle)
    told = faults(bundle, tmp_path)
    assert told["files"] == told["models"] == ()
    assert told["wheels"] == ("numpy-2.0.0-cp312-cp312-manylinux_2_28_x86_64.whl: numpy is never shipped, the image's "
                              "own is what its other packages fit",)
    assert told["code"] == ("submit-offline.ipynb, locate:1: imports requests, which is for the network",
                            "submit-offline.ipynb and submit-offline.py are not the same code")
    assert told["names"] == (
        "notebook: the title 'another title' makes the slug 'another-title', its id says 'lsdc-submit-tiny'",
        "notebook: enable_internet must be written out as false: the client's default is true")


def test_an_environment_that_cannot_be_made_is_a_fault(made, tmp_path):
    told = faults(made, tmp_path, kinds=("image",), python=tmp_path / "python3.99")
    assert "this Python does not start" in told["environment image"][0]


def test_layouts_of_the_mounts(tmp_path):
    def places(layout):
        return [mount.place for mount in mounts_of(tmp_path, tmp_path, layout, "someone/lsdc-bundle-tiny")]

    competition = "rsna-2024-lumbar-spine-degenerative-classification"
    assert places("old") == [competition, "lsdc-bundle-tiny"]
    assert places("new") == [f"competitions/{competition}", "datasets/someone/lsdc-bundle-tiny"]
    assert places("deeper") == [f"competitions/{competition}", "datasets/someone/lsdc-bundle-tiny/bundle"]


def test_hours_of_the_hidden_set_are_projected(tmp_path):
    told = Told(0, "", 60.0, None, tmp_path)
    assert projected_hours(Judged((), {"wall_seconds": 60.0, "seconds_per_study": 5.0, "graded": 8}, told)
                           ) == pytest.approx((20 + 722 * 5) / 3600)
    assert projected_hours(Judged((), {"wall_seconds": 60.0}, told)) is None


def test_too_many_priors_or_too_slow_is_a_fault(made, tmp_path, monkeypatch, here):
    from lsdc.kernel import verify as module

    figures = {"rows": 25, "fallback_share": 0.48, "failed_studies": {"it ended": [7]},
               "fallbacks": {"not located": 7, "no axial_t2 series shows it": 4, "constant image": 1},
               "seconds_per_study": 60.0, "lanes": 1, "graded": 1, "wall_seconds": 70.0}
    monkeypatch.setattr(module, "make_set", lambda *_, **__: tmp_path)
    told = Told(0, "", 70.0, None, tmp_path)
    monkeypatch.setattr(module, "try_kernel", lambda *_, **__: Judged((), dict(figures), told))
    monkeypatch.setattr(module, "make_environment", lambda *_: here)
    checks = verify(made, tmp_path / "cache", Plan(kinds=("here",), first=module.QUICK[:1]))
    assert checks[-1].faults == (
        "28.0 % of the rows are priors although their series can be read, wanted at most 10 %",
        "1 studies failed: it ended", "722 studies would take 12.0 h of 9")
    text = text_of(checks, made, read_manifest(made))
    assert "\n          7 rows are priors: not located" in text
    assert text.splitlines()[-1] == "NOT VERIFIED: 1 of 8 checks failed"


def test_the_page_and_its_json_say_the_same():
    checks = [Check("files", (), "3 files"), Check("code", ("a.py:1: imports requests",), "all code")]
    manifest = {"runs": {"one": {"folds": [0, 1], "out_of_fold": {"total": 0.4, "interval": [0.3, 0.5],
                                                                   "phantom": False}}}, "blend": None}
    assert text_of(checks, Path("b"), manifest).splitlines() == [
        "verification of b", "ok   files: 3 files", "FAIL code: all code", "       a.py:1: imports requests",
        "expected of one, folds 0, 1: out of fold 0.400 (0.300 to 0.500)", "NOT VERIFIED: 1 of 2 checks failed"]
    told = plain(checks, Path("b"))
    assert [(one["name"], one["ok"]) for one in told["checks"]] == [("files", True), ("code", False)]


def test_environments_are_made_once_and_links_leave_what_they_lead_to(tmp_path):
    first = make_environment("here", IMAGE, tmp_path)
    mark = file_hash(first.python.parents[1] / "environment.json")
    assert make_environment("here", IMAGE, tmp_path) == first
    assert file_hash(first.python.parents[1] / "environment.json") == mark
    assert not list(first.python.parents[1].glob("lib/*/site-packages/*/__init__.py"))  # only a .pth file: pip has no
    assert all(path.is_symlink() for path in first.folders[1].iterdir() if path.name != "environment.json")  # say there


def test_a_sandbox_that_is_asked_for_and_not_there(monkeypatch):
    monkeypatch.setattr("lsdc.kernel.sandbox._works", lambda words: False)
    assert choose_sandbox().startswith("guards")
    with pytest.raises(LsdcError, match="this sandbox does not work here"):
        choose_sandbox("root")


def test_a_score_of_other_folds_says_which():
    told = {"total": 0.4, "interval": [0.3, 0.5], "folds": [0, 1, 2], "phantom": False}
    assert score_text(told, [0, 1, 2]) == "out of fold 0.400 (0.300 to 0.500)"
    assert score_text(told, [1]).endswith(", of folds 0, 1, 2 together")
    assert score_text(None, [1]) == "not evaluated (make evaluate)"
