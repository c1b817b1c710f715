"""Archives and manifests whose members would land elsewhere, take each other's place or fill the disk are refused."""

import io
import stat
import struct
import zipfile
from pathlib import Path

import pytest
import torch

from lsdc.errors import DataError, WeightsError
from lsdc.files import read_json, write_json
from lsdc.kernel import make_bundle, unfold
from lsdc.kernel.archive import MOST_TEXT, names_in, texts_in
from lsdc.kernel.layout import MANIFEST
from lsdc.kernel.manifest import read_manifest, write_manifest
from lsdc.kernel.requirements import requirement_faults
from lsdc.kernel.verify import Plan, verify
from lsdc.tensors import read_tensors
from tests.kernel.conftest import order
from tests.kernel.test_verify import rewritten
from tests.kernel.tiny_run import write_run

WHEEL = "some_thing-1.0-py3-none-any.whl"
GOOD = {"thing/__init__.py": "", "some_thing-1.0.dist-info/top_level.txt": "thing\n",
        "some_thing-1.0.dist-info/METADATA": "Name: some-thing\nRequires-Dist: numpy>=1\n"}
LEADING_OUT = ("../x.py", "thing/../../x.py", "/etc/x.py", "..", "thing/./x.py", "thing//x.py", "a\\..\\x.py",
               "C:/x.py", "c:x.py")


def wheel_of(folder: Path, *more: tuple[str | zipfile.ZipInfo, str], **options) -> Path:
    with zipfile.ZipFile(folder / WHEEL, "w", **options) as archive:
        for name, text in (*GOOD.items(), *more):
            archive.writestr(name, text)
    return folder / WHEEL


def linked(name: str) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
    return info


def changed(wheel: Path, offset: int, form: str, value: int) -> Path:
    """The wheel with another value in every entry of its directory."""
    data, at = bytearray(wheel.read_bytes()), 0
    while (at := data.find(b"PK\1\2", at)) >= 0:
        struct.pack_into(form, data, at + offset, value)
        at += 4
    wheel.write_bytes(data)
    return wheel


def refused(wheel: Path, *words: str) -> None:
    """By every door: what is made, its requirements, its code."""
    for look in (names_in, lambda one: requirement_faults(one, {}), lambda one: texts_in(one, ".py")):
        with pytest.raises(DataError, match="cannot be unpacked safely") as told:
            look(wheel)
        assert all(word in told.value.got for word in words)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return write_run(tmp_path_factory.mktemp("runs") / "tiny")


@pytest.fixture
def bundle(tmp_path, run, monkeypatch) -> Path:
    """With another wheel in the place of the kit's own, which takes seconds to build."""
    def build(out: Path) -> Path:
        return wheel_of(out).rename(out / "lsdc-0-py3-none-any.whl")

    monkeypatch.setattr("lsdc.kernel.bundle.build_wheel", build)
    make_bundle(order(run), tmp_path / "bundle")
    return tmp_path / "bundle"


def test_a_good_wheel(tmp_path):
    wheel = wheel_of(tmp_path)
    assert names_in(wheel) == list(GOOD)
    assert texts_in(wheel, ".py") == {"thing/__init__.py": ""}
    assert requirement_faults(wheel, {}) == ["no numpy, which the wheel needs"]


@pytest.mark.parametrize("name", LEADING_OUT)
def test_names_that_lead_out(tmp_path, name):
    refused(wheel_of(tmp_path, (name, "x = 1")), "names that lead out of it")


def test_a_name_that_ends_at_a_nul(tmp_path):
    wheel = wheel_of(tmp_path, ("thing/a.pyXcd", "x = 1"))
    wheel.write_bytes(wheel.read_bytes().replace(b"a.pyXcd", b"a.py\0cd"))
    refused(wheel, "names that lead out of it", r"a.py\x00cd")


def test_links(tmp_path):
    refused(wheel_of(tmp_path, (linked("thing/x.py"), "/etc/passwd")), "links: thing/x.py")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["thing/__init__.py", "Thing/__INIT__.py"])
def test_members_that_take_each_others_place(tmp_path, name):
    refused(wheel_of(tmp_path, (name, "import os")), "several members of one name", f"thing/__init__.py, {name}")


def test_a_locked_member(tmp_path):
    refused(changed(wheel_of(tmp_path), 8, "<H", 1), "locked with a password")


def test_a_wheel_that_claims_to_be_huge(tmp_path):
    refused(changed(wheel_of(tmp_path), 24, "<L", 2**31), f"{3 * 2**31} bytes when unpacked")


def test_very_many_members(tmp_path, monkeypatch):
    monkeypatch.setattr("lsdc.kernel.archive.MOST_FILES", len(GOOD))
    assert len(names_in(wheel_of(tmp_path))) == len(GOOD)
    refused(wheel_of(tmp_path, ("thing/one.py", "")), f"{len(GOOD) + 1} members, at most {len(GOOD)}")


@pytest.mark.parametrize(("name", "look"), [
    ("thing/large.py", lambda wheel: texts_in(wheel, ".py")),
    ("b-1.dist-info/METADATA", lambda wheel: requirement_faults(wheel, {})),
])
def test_a_little_file_that_becomes_a_large_text(tmp_path, name, look):
    wheel = wheel_of(tmp_path, (name, "#" * (MOST_TEXT + 1)), compression=zipfile.ZIP_DEFLATED)
    assert wheel.stat().st_size < MOST_TEXT / 500
    with pytest.raises(DataError, match="cannot be unpacked safely") as told:
        look(wheel)
    assert name in told.value.got


def test_a_text_that_is_longer_than_it_claims(tmp_path):
    wheel = wheel_of(tmp_path, ("thing/long.py", "#" * 10**6), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="this wheel cannot be read"):
        texts_in(changed(wheel, 24, "<L", 10), "long.py")


@pytest.mark.parametrize("spoil", [
    lambda path: path.write_bytes(path.read_bytes().replace(b"thing\n", b"gniht\n")),  # its sum says so
    lambda path: wheel_of(path.parent, ("x.dist-info/top_level.txt", "\udcff".encode("utf-8", "surrogateescape"))),
    lambda path: changed(path, 10, "<H", 99),  # a way of packing that nobody knows
    lambda path: path.write_bytes(path.read_bytes()[:-30]),
])
def test_a_damaged_wheel(tmp_path, spoil):
    spoil(wheel_of(tmp_path))
    with pytest.raises(DataError, match="this wheel cannot be read"):
        texts_in(tmp_path / WHEEL, "top_level.txt")


@pytest.mark.parametrize("tops", ["os;import\nos.path,x\n", "x)\n1st\n--help\n"])
def test_modules_of_an_extra_wheel_are_names(tmp_path, run, monkeypatch, tops):
    """The notebook imports the module by a text that is run."""
    with zipfile.ZipFile(tmp_path / WHEEL, "w") as archive:
        archive.writestr("some_thing-1.0.dist-info/top_level.txt", tops)
    monkeypatch.setattr("lsdc.kernel.bundle.build_wheel", lambda out: pytest.fail("it went on"))
    with pytest.raises(DataError, match="brings no module"):
        make_bundle(order(run, wheels=(tmp_path / WHEEL,)), tmp_path / "out")


def test_a_hostile_wheel_is_not_bundled_and_is_found_in_a_bundle(tmp_path, run, bundle):
    wheel = wheel_of(tmp_path, ("../x.py", ""))
    with pytest.raises(DataError, match="cannot be unpacked safely"):
        make_bundle(order(run, wheels=(wheel,)), tmp_path / "out")
    wheel.rename(bundle / WHEEL)
    rewritten(bundle)
    told = {check.name: check.faults for check in verify(bundle, tmp_path / "cache", Plan(kinds=(), first=()))}
    assert told["files"] == ()
    assert told["wheels"] == (f"{WHEEL}: a wheel that cannot be unpacked safely: names that lead out of it: "
                              "'../x.py'",)


def hostile_manifest(bundle: Path, spoil) -> None:
    told = {key: value for key, value in read_json(bundle / MANIFEST).items() if key != "sha256"}
    spoil(told)
    write_manifest(bundle, told)


@pytest.mark.parametrize("folds", [["0/../../../../../../fold7"], ["0", 0], [-1], [True], [0.0], [], "0", None])
def test_folds_of_a_manifest_are_numbers(bundle, tmp_path, folds):
    """Of a fold whose models are not whole, detector and classifier are removed."""
    (victim := tmp_path / "fold7" / "detector").mkdir(parents=True)
    hostile_manifest(bundle, lambda told: told["runs"]["tiny"].update(folds=folds))
    with pytest.raises(DataError, match=r"(?s)not one that `lsdc bundle` writes.*the folds of the run 'tiny'"):
        unfold(bundle, tmp_path / "out", lenient=True)
    assert victim.exists()


def test_two_files_for_one_place(bundle, tmp_path):
    """The second was once written through the link to the first: into the bundle itself."""
    place = "runs/tiny/config.yaml"
    before = (bundle / "tiny--config.yaml").read_bytes()
    hostile_manifest(bundle, lambda told: told["files"]["tiny--fold0--priors.csv"].update(place=place))
    with pytest.raises(DataError, match=rf"2 files with the place '{place}'"):
        unfold(bundle, tmp_path / "out", lenient=True)
    assert (bundle / "tiny--config.yaml").read_bytes() == before


@pytest.mark.parametrize(("spoil", "message"), [
    (lambda told: told["files"]["tiny--config.yaml"].update(place="runs/tiny"), "the place 'runs/tiny'"),
    (lambda told: told["files"]["tiny--config.yaml"].update(place="runs/tiny/other"), "the place 'runs/tiny/other'"),
    (lambda told: told["files"]["tiny--config.yaml"].update(place=["runs"]), r"the place \['runs'\]"),
    (lambda told: told["files"].update({"TINY--config.yaml": told["files"]["tiny--config.yaml"]}),
     "2 files of the name 'tiny--config.yaml'"),
    (lambda told: told.update(extras={"--index-url=http://192.0.2.1/": "x"}), "the extra package '--index-url="),
    (lambda told: told.update(extras={"some-thing": "os; os.mkdir('executed')"}), "with \"os; os.mkdir"),
    (lambda told: told.update(extras={"some-thing": ["os"]}), r"with \['os'\]"),
    (lambda told: told.pop("extras"), "no extra packages are told"),
])
def test_other_manifests_that_are_refused(bundle, tmp_path, spoil, message):
    hostile_manifest(bundle, spoil)
    with pytest.raises(DataError, match=f"(?s)not one that `lsdc bundle` writes.*{message}"):
        unfold(bundle, tmp_path / "out", lenient=True)
    assert not (tmp_path / "out").exists()


def test_a_manifest_that_goes_very_deep(tmp_path):
    (tmp_path / MANIFEST).write_text("[" * 10**6)
    with pytest.raises(DataError, match="the manifest of a bundle cannot be read"):
        read_manifest(tmp_path)


def test_weights_that_unpack_to_far_more_than_their_file(tmp_path):
    """What torch writes is not packed; this is 80 MB of zeros in 80 kB."""
    plain = io.BytesIO()
    torch.save({"weight": torch.zeros(20 * 2**20)}, plain)
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(tmp_path / "a.pt", "w", zipfile.ZIP_DEFLATED) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert (tmp_path / "a.pt").stat().st_size < 2**20
    assert torch.load(tmp_path / "a.pt", weights_only=True)["weight"].numel() == 20 * 2**20  # torch alone would do it
    for networks in (False, True):
        with pytest.raises(WeightsError, match=r"(?s)unpacks to far more than it is"):
            read_tensors(tmp_path / "a.pt", networks=networks)


def test_the_manifest_of_a_good_bundle_is_still_good(bundle):
    told = read_manifest(bundle)
    write_json(bundle / MANIFEST, told)
    assert read_manifest(bundle) == told
