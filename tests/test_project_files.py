"""What several files of the repository say is the same in each of them."""

import re
import tomllib
from pathlib import Path

import skreg

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))[
    "project"
]
WORKFLOW = (ROOT / ".github/workflows/tests.yml").read_text(encoding="utf-8")
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_version_is_one():
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    cited = re.search(r"^version: (.*)$", citation, flags=re.M)[1]
    assert PROJECT["version"] == skreg.__version__ == cited


def test_hooks_run_the_ruff_of_the_linter():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    version = re.search(r"ruff-pre-commit\n +rev: v(\d+\.\d+\.\d+)", hooks)[1]
    assert PROJECT["optional-dependencies"]["lint"] == [f"ruff~={version}"]


def test_every_python_of_the_classifiers_is_tested():
    prefix = "Programming Language :: Python :: "
    versions = [
        line.removeprefix(prefix)
        for line in PROJECT["classifiers"]
        if re.fullmatch(rf"{prefix}3\.\d+", line)
    ]
    tested = re.search(r"python: \[(.*)\]", WORKFLOW)[1]
    assert re.findall(r'"(.*?)"', tested) == versions
    assert PROJECT["requires-python"] == f">={versions[0]}"


def test_targets_of_make_that_are_named_are_there():
    targets = set(re.findall(r"^([a-z-]+):.*## ", MAKEFILE, flags=re.M))
    named = set(re.findall(r"run: make ([a-z-]+)", WORKFLOW))
    guide = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    named |= set(re.findall(r"`make ([a-z-]+)", guide))
    assert {"test", "types", "dist", "test-plain"} <= targets
    # The site's target comes with the site.
    assert named <= targets


def test_actions_have_a_major_version():
    used = re.findall(r"uses: (\S+)", WORKFLOW)
    assert len(used) > 10
    assert [action for action in used if not re.search(r"@v\d+$", action)] == []
