"""Repeated studies look to the audit as so many studies, with what each of them has."""

from collections import Counter

from lsdc.audit import audit_folder
from lsdc.bench.audit import bench_audit
from lsdc.bench.repeated import repeat_studies
from lsdc.files import read_json


def test_repeated_studies_have_the_findings_of_their_own(dirty_phantom, tmp_path):
    competition = dirty_phantom / "competition"
    repeat_studies(competition, tmp_path, 6)
    once, twice = (audit_folder(root, parts=("train",), workers=1) for root in (competition, tmp_path))
    kinds = [Counter(finding.kind for finding in audit.findings if finding.study_id) for audit in (once, twice)]
    assert kinds[1] == {kind: 2 * count for kind, count in kinds[0].items()} != {}
    assert twice.sizes["train"] == tuple(2 * size for size in once.sizes["train"])


def test_the_figures_are_told_and_saved(dirty_phantom, cache):
    assert "audit: 4 studies" in bench_audit(dirty_phantom / "competition", studies=4)
    saved = read_json(cache / "bench" / "audit.json")
    assert saved["files"] > 100
    assert saved["seconds"] > 0
    assert not list(cache.glob("audit.*"))
