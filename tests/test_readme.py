"""The examples of the README and of docs/ run, and what they link to is there."""

import doctest
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def examples_of(page):
    """All examples of a page as one doctest: they share their variables."""
    # A closing fence would be taken for output.
    text = re.sub(r"^\s*```.*$", "", page.read_text(encoding="utf-8"), flags=re.M)
    return doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), 0)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_run(page):
    report = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    failures, _ = runner.run(examples_of(page), out=report.append)
    assert failures == 0, "".join(report)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    targets = re.findall(r"\]\(([^)#\s]+)", page.read_text(encoding="utf-8"))
    missing = [
        target
        for target in targets
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert not missing


def test_the_readme_has_an_example():
    assert len(examples_of(ROOT / "README.md").examples) >= 5


def test_python_code_is_an_example():
    """A Python block that is not run could say anything."""
    for page in PAGES:
        blocks = re.findall(
            r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S
        )
        for block in blocks:
            assert block.startswith(">>> "), f"{page.name}: {block}"
