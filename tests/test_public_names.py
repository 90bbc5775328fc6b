"""What the README and docs/ name is there after `import skreg`, and is documented."""

import inspect
import json
import pkgutil
import pydoc
import re
import subprocess
import sys

import pytest
from helpers import PAGES, ROOT

import skreg

PACKAGES = sorted(
    module.name
    for module in pkgutil.iter_modules(skreg.__path__)
    if module.ispkg and not module.name.startswith("_")
)


def text_of(page):
    return page.read_text(encoding="utf-8")


def in_a_new_process(code, *arguments):
    """What the code prints, as JSON: here the submodules are loaded already."""
    done = subprocess.run(
        [sys.executable, "-c", code, *map(json.dumps, arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


UNRESOLVED = """
import json, sys
from operator import attrgetter
import skreg

unresolved = []
for name in json.loads(sys.argv[1]):
    try:
        attrgetter(name.partition(".")[2])(skreg)
    except AttributeError:
        unresolved.append(name)
print(json.dumps(unresolved))
"""


def dotted_names(text):
    """Names such as skreg.inspection: those of code blocks and of `inline` code."""
    # Another word in front of it is a path or an address.
    return sorted(set(re.findall(r"(?<![\w./-])skreg(?:\.[A-Za-z_]\w*)+", text)))


def test_every_dotted_name_of_the_pages_resolves():
    # Private modules are imported by their full names, which the examples do.
    names = {
        name
        for page in PAGES
        for name in dotted_names(text_of(page))
        if not re.search(r"\._", name)
    }
    assert {"skreg.diagnosis.diagnose", "skreg.inspection"} <= names
    assert in_a_new_process(UNRESOLVED, sorted(names)) == []


def test_the_names_that_are_looked_for():
    text = "`print(skreg.a.b(x))`, docs/skreg.c, skreg.d.\nimport skreg.e as f"
    assert dotted_names(text) == ["skreg.a.b", "skreg.d", "skreg.e"]
    assert in_a_new_process(UNRESOLVED, ["skreg.no_such", "skreg.MLPClassifier"]) == [
        "skreg.no_such"
    ]


def test_the_table_of_the_readme_names_what_is_in_the_modules():
    rows = re.findall(
        r"^\| `skreg\.(\w+)` \| (.*) \|$", text_of(ROOT / "README.md"), flags=re.M
    )
    assert sorted(["neural_network", *(name for name, _ in rows)]) == PACKAGES
    for package, cell in rows:
        for name in re.findall(r"`(\w+)`", cell):
            assert hasattr(getattr(skreg, package), name), f"{package}: {name}"


def test_the_table_of_the_readme_names_the_estimators_of_the_package():
    rows = re.findall(r"^\| `(MLP.*)` \|", text_of(ROOT / "README.md"), flags=re.M)
    named = [name for row in rows for name in row.split("`, `")]
    estimators = [name for name in skreg.__all__ if name.startswith("MLP")]
    assert sorted(named) == sorted(estimators)


def test_files_that_the_pages_name_are_there():
    for page in PAGES:
        for path in re.findall(
            r"`((?:skreg|docs|tests|benchmarks)/[\w./]+)`", text_of(page)
        ):
            assert (ROOT / path).exists(), f"{page.name}: {path}"


def test_submodules_are_loaded_when_they_are_asked_for():
    code = """
import json, sys
import skreg
lazy = ["skreg.diagnosis", "skreg.ensemble"]
before = [name in sys.modules for name in lazy]
listed = set(dir(skreg))
skreg.diagnosis.diagnose, skreg.MLPClassifierCV
after = [name in sys.modules for name in lazy]
print(json.dumps([before, after, sorted(listed)]))
"""
    before, after, listed = in_a_new_process(code)
    assert (before, after) == ([False, False], [True, True])
    assert {*PACKAGES, *skreg.__all__} <= set(listed)
    with pytest.raises(AttributeError, match="'skreg' has no attribute 'no_such'"):
        skreg.no_such  # noqa: B018


def test_help_begins_with_an_overview():
    text = pydoc.render_doc(skreg, renderer=pydoc.plaintext)
    overview = text[: text.index("PACKAGE CONTENTS")]
    classes = [name for name in skreg.__all__ if name.startswith("MLP")]
    for name in [*classes, *PACKAGES]:
        assert re.search(rf"\b{name}\b", overview), name
    assert len(overview.splitlines()) < 40


@pytest.mark.parametrize("package", PACKAGES)
def test_what_a_package_offers_is_there_and_documented(package):
    """Helpers of other modules are importable, but not offered."""
    module = getattr(skreg, package)
    assert module.__all__ == sorted(module.__all__)
    assert set(dir(skreg)) >= {package}
    pages = "".join(map(text_of, PAGES))
    for name in module.__all__:
        offered = getattr(module, name)
        assert inspect.isclass(offered) or inspect.isfunction(offered), name
        assert offered.__doc__, name
        # What functions return needs no name of its own in the pages.
        is_result = name in {
            "BiasVarianceDecomposition",
            "Diagnosis",
            "FeaturePath",
            "Remedy",
        }
        assert is_result or re.search(rf"\b{name}\b", pages), name
