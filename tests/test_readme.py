"""The examples of the README and of docs/ run, and what they link to is there."""

import doctest
import re
import tomllib
from pathlib import Path

import pytest
from helpers import PAGES, ROOT

from skreg._utils.presentation import SITE

LINKING = [*PAGES, ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
HOME = "https://github.com/skreg/skreg"
RAW = "https://raw.githubusercontent.com/skreg/skreg"
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def name_of(page):
    return str(page.relative_to(ROOT))


def examples_of(page):
    """All examples of a page as one doctest: they share their variables."""
    # A closing fence would be taken for output.
    text = re.sub(r"^\s*```.*$", "", page.read_text(encoding="utf-8"), flags=re.M)
    return doctest.DocTestParser().get_doctest(text, {}, name_of(page), str(page), 0)


# Chapters train more than the first pages do.
@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=pytest.mark.slow if "user_guide" in page.parts else ())
        for page in PAGES
    ],
    ids=name_of,
)
def test_examples_run(page):
    report = []
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    test = examples_of(page)
    if any("imblearn" in example.source for example in test.examples):
        pytest.importorskip("imblearn")
    if any("as_frame=True" in example.source for example in test.examples):
        pytest.importorskip("pandas")
    failures, _ = runner.run(test, out=report.append)
    assert failures == 0, "".join(report)


def links_of(page):
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S
    )
    return re.findall(r"\]\(([^)\s]+)\)", text)


def linked_file(page, target):
    """The file of the repository that a link leads to, None if it leads elsewhere."""
    path = re.sub(
        rf"^{HOME}/(blob|tree)/main/|^{RAW}/main/", "", target.partition("#")[0]
    )
    if path != target.partition("#")[0]:
        return ROOT / path
    if path.startswith(f"{SITE}user_guide/"):
        return ROOT / "docs" / f"{path.removeprefix(SITE).removesuffix('.html')}.md"
    if "://" in target:
        return None
    return page.parent / path if path else page


def anchors_of(page):
    """What GitHub calls the headings of a page."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), flags=re.M)
    return {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}


@pytest.mark.parametrize("page", LINKING, ids=name_of)
def test_links_lead_somewhere(page):
    for target in links_of(page):
        file, anchor = linked_file(page, target), target.partition("#")[2]
        if file is not None:
            assert file.exists(), target
            assert not anchor or anchor in anchors_of(file), target


def test_links_of_the_readme_work_outside_the_repository():
    """The package index shows the README alone."""
    targets = links_of(ROOT / "README.md")
    assert len(targets) > 10
    assert [target for target in targets if "://" not in target] == []
    inside = [t for t in targets if linked_file(ROOT / "README.md", t) is not None]
    assert [t for t in targets if HOME in t] == [t for t in inside if RAW not in t]
    assert any(t.startswith(RAW) and t.endswith(".png") for t in inside)


def test_the_addresses_of_the_project_are_those_of_the_readme():
    urls = SETTINGS["project"]["urls"]
    assert urls["Homepage"] == HOME
    assert urls.pop("Documentation") == SITE
    assert all(url.startswith(HOME) for url in urls.values())
    assert linked_file(ROOT, urls["Changelog"]).exists()


def test_the_source_archive_holds_what_the_tests_read():
    """What setuptools adds by itself is the package, its settings and the README."""
    lines = (ROOT / "MANIFEST.in").read_text(encoding="utf-8").splitlines()
    words = [line.split() for line in lines if not line.startswith("#")]
    named = {
        name for kind, *names in words if kind in ("include", "graft") for name in names
    }
    assert all((ROOT / name).exists() for name in named)
    by_itself = {"skreg", "README.md", "LICENSE", "pyproject.toml"}
    linked = {linked_file(page, link) for page in LINKING for link in links_of(page)}
    read = {Path(__file__), *LINKING, *linked} - {None}
    tops = {path.resolve().relative_to(ROOT).parts[0] for path in read}
    assert tops <= named | by_itself


def test_every_chapter_has_a_place():
    for folder in ("user_guide", "coming_from"):
        index = ROOT / "docs" / folder / "index.md"
        block = re.search(
            r"```\{toctree\}(.*?)```", index.read_text(encoding="utf-8"), flags=re.S
        )
        names = [line for line in block[1].split() if not line.startswith(":")]
        chapters = {page.stem for page in index.parent.glob("*.md")} - {"index"}
        assert chapters <= set(names), folder


def test_the_readme_has_an_example():
    assert len(examples_of(ROOT / "README.md").examples) >= 5


def test_python_code_is_an_example():
    """A Python block that is not run could say anything."""
    for page in PAGES:
        blocks = re.findall(
            r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.S
        )
        for block in blocks:
            assert block.startswith(">>> "), f"{name_of(page)}: {block}"
