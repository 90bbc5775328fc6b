"""The lists of planted faults fit the code, and hit every part of it."""

import ast
import sys
from collections import Counter

import pytest
from helpers import ROOT

sys.path.insert(0, str(ROOT / "tests/mutation"))

from run import LISTS, read_faults  # noqa: E402

FAULTS = read_faults()


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.rule)
def test_a_fault_can_be_planted(fault):
    planted = fault.text((ROOT / fault.file).read_text(encoding="utf-8"))
    ast.parse(planted)
    assert fault.tests
    for node_id in fault.node_ids:
        file, _, test = node_id.partition("::")
        source = (ROOT / file).read_text(encoding="utf-8")
        assert test.partition("[")[0] in source


def test_every_fault_is_there_once():
    edits = Counter((fault.file, fault.old, fault.new) for fault in FAULTS)
    assert [edit for edit, n in edits.items() if n > 1] == []
    assert {path.stem for path in LISTS.glob("*.toml")} >= {f.part for f in FAULTS}


def test_every_part_is_hit_in_proportion_to_its_lines():
    lines = Counter()
    for path in sorted((ROOT / "skreg").glob("*/**/*.py")):
        part = path.relative_to(ROOT / "skreg").parts[0]
        lines[part] += len(path.read_text(encoding="utf-8").splitlines())
    hits = Counter(fault.part for fault in FAULTS)
    assert sum(hits.values()) >= 150
    for part, n_lines in lines.items():
        expected = sum(hits.values()) * n_lines / sum(lines.values())
        assert 0.6 * expected <= hits[part] <= 1.7 * expected, part
