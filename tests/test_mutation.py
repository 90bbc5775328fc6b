"""The lists of planted faults fit the code, and hit every part of it."""

import ast
import re
import sys
from collections import Counter

import pytest
from helpers import ROOT

sys.path.insert(0, str(ROOT / "tests/mutation"))

import run  # noqa: E402
from run import LISTS, Fault, read_faults  # noqa: E402

FAULTS = read_faults()

PLAIN = {"rule": "Two is two.", "file": "skreg/part/two.py"}
PLAIN |= {"old": "TWO = 2", "new": "TWO = 3", "tests": ["test_two::test_two"]}


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


# -- running them ----------------------------------------------------------------------


@pytest.fixture
def run_entries(tmp_path, monkeypatch, capsys):
    """A function that runs entries on a small checkout: status and what it says."""
    files = {
        "skreg/part/two.py": "TWO = 2\nNONE = None\nALSO_NONE = None\n",
        "tests/test_two.py": (
            "from skreg.part.two import NONE, TWO\n"
            "def test_two():\n    assert TWO == 2\n"
            "def test_other():\n    assert NONE is None\n"
            "def test_fails_anyway():\n    assert TWO == 4\n"
        ),
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(run, "ROOT", tmp_path)

    def run_entries(*changes, only=""):
        faults = [Fault(**(PLAIN | change)) for change in changes]
        monkeypatch.setattr(run, "read_faults", lambda: faults)
        status = run.main(["--jobs", "1", "--only", only])
        return status, capsys.readouterr().out

    return run_entries


def test_a_fault_is_caught_or_survives(run_entries):
    status, said = run_entries({}, {"tests": ["test_two::test_other"]})
    assert status == 1 and "1 of 2 caught" in said
    assert re.findall("^(caught|SURVIVED)", said, re.MULTILINE) == [
        "caught",
        "SURVIVED",
    ]


@pytest.mark.parametrize("test", ["test_fails_anyway", "test_that_is_missing"])
def test_a_test_that_fails_without_a_fault_is_named_and_nothing_is_planted(
    run_entries, test
):
    status, said = run_entries({}, {"tests": [f"test_two::{test}"]})
    assert status == 1
    assert "Without a fault" in said and f"tests/test_two.py::{test}" in said
    assert "caught" not in said


def test_a_choice_of_no_entry_is_an_error(run_entries, capsys):
    with pytest.raises(SystemExit) as stopped:
        run_entries({}, only="no such rule")
    assert stopped.value.code == 2
    assert "no such rule" in capsys.readouterr().err


@pytest.mark.parametrize(
    "change, why",
    [
        ({"old": "THREE"}, "has 0 times"),
        ({"old": "NONE = None"}, "has 2 times"),
        ({"file": "skreg/part/three.py"}, "there is no skreg/part/three.py"),
    ],
)
def test_an_entry_that_cannot_be_planted_is_told_and_the_others_run(
    run_entries, change, why
):
    status, said = run_entries(change, {})
    assert status == 1
    assert why in said and "1 of 1 caught" in said
    assert "wrong entries, not run: 1" in said
