"""The site has a page of every public object, and its own files fit together.

None of this needs Sphinx, which `make docs` runs with warnings as errors.
"""

import inspect
import re
import sys
from collections import Counter

import pytest
from helpers import PAGES, ROOT
from sklearn.base import BaseEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import skreg
from skreg import MLPClassifier, MLPClassifierCV, MLPRegressor
from skreg._utils.presentation import SITE
from skreg.augmentation import (
    AugmentingResampler,
    Compose,
    Mixup,
    RandomAffine,
    ResampledClassifier,
)
from skreg.ensemble import FoldEnsembleRegressor
from skreg.feature_selection import SparseInputSelector, StabilitySelection
from skreg.model_selection import GridSearchCV, HalvingRandomSearchCV

DOCS = ROOT / "docs"
MODULES = [skreg, *(getattr(skreg, name) for name in skreg._SUBMODULES)]


def listed_objects():
    """Full names in the order of the reference, as its directives have them."""
    text = (DOCS / "api" / "index.rst").read_text(encoding="utf-8")
    module, found = None, []
    for line in text.splitlines():
        if match := re.fullmatch(r"\.\. currentmodule:: (\S+)", line):
            module = match[1]
        elif match := re.fullmatch(r"   (\w+)", line):
            found.append(f"{module}.{match[1]}")
    return found


def resolved(full_name):
    value = skreg
    for name in full_name.split(".")[1:]:
        value = getattr(value, name)
    return value


LISTED = listed_objects()


def public_objects():
    return {
        value
        for module in MODULES
        for value in map(module.__dict__.get, module.__all__)
        if inspect.isclass(value) or inspect.isfunction(value)
    } | {skreg.MLPClassifierCV, skreg.MLPRegressorCV}


# -- the reference ---------------------------------------------------------------------


def test_every_public_object_has_one_page():
    listed = Counter(map(resolved, LISTED))
    assert set(listed) == public_objects()
    assert set(listed.values()) == {1}
    assert len(listed) > 40


def test_a_page_has_the_shortest_name():
    """So names of code in the gallery, which sphinx-gallery shortens, find it."""
    for full in LISTED:
        name = full.rpartition(".")[2]
        assert (full == f"skreg.{name}") == (name in skreg.__all__), full


@pytest.mark.parametrize("full_name", LISTED)
def test_every_public_object_has_an_example(full_name):
    text = inspect.cleandoc(resolved(full_name).__doc__)
    examples = text.partition("\nExamples\n--------\n")[2]
    assert re.search(r"^>>> ", examples, flags=re.M)


@pytest.mark.parametrize("full_name", LISTED)
def test_every_public_method_is_documented(full_name):
    value = resolved(full_name)
    members = inspect.getmembers(value) if inspect.isclass(value) else []
    for name, member in members:
        if not name.startswith("_") and callable(member):
            assert inspect.getdoc(member), name


# -- estimators link to it -------------------------------------------------------------


@pytest.mark.parametrize("full_name", LISTED)
def test_every_estimator_knows_its_page(full_name):
    kind = resolved(full_name)
    if inspect.isclass(kind) and issubclass(kind, BaseEstimator):
        link = kind.__new__(kind)._get_doc_link()
        assert link == f"{SITE}api/generated/{full_name}.html"


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier(),
        MLPRegressor(),
        MLPClassifierCV(),
        GridSearchCV(MLPClassifier(), {}),
        HalvingRandomSearchCV(MLPClassifier(), {}),
        FoldEnsembleRegressor(MLPRegressor()),
        SparseInputSelector(MLPClassifier()),
        StabilitySelection(MLPClassifier()),
        AugmentingResampler(Mixup()),
        ResampledClassifier(MLPClassifier()),
        RandomAffine((8, 8)),
        Compose([Mixup()]),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_the_picture_of_an_estimator_has_its_link(estimator):
    assert f'href="{estimator._get_doc_link()}"' in estimator_html_repr(estimator)


def test_estimators_of_others_have_no_link_of_ours():
    class Mine(MLPClassifier):
        pass

    assert SITE not in estimator_html_repr(Mine())
    inside = make_pipeline(StandardScaler(), MLPClassifier())
    assert SITE in estimator_html_repr(inside)


# -- pages -----------------------------------------------------------------------------


def toctree_entries(page):
    """What the toctrees of a Markdown page name, as paths from docs/ on."""
    text = page.read_text(encoding="utf-8")
    for body in re.findall(r"^```\{toctree\}\n(.*?)^```", text, flags=re.M | re.S):
        for line in body.splitlines():
            if line.strip() and not line.startswith(":"):
                name = re.sub(r"^.*<(.*)>$", r"\1", line)
                folder = DOCS if name.startswith("/") else page.parent
                yield (folder / name.lstrip("/")).resolve().relative_to(DOCS)


def test_every_page_is_in_a_table_of_contents():
    pages = {page.relative_to(DOCS).with_suffix("") for page in PAGES[1:]}
    named = {entry for page in PAGES[1:] for entry in toctree_entries(page)}
    built_or_rst = {
        entry for entry in named if entry.parts[0] in ("api", "auto_gallery")
    }
    assert named - built_or_rst == {page for page in pages if str(page) != "index"}
    assert {str(entry) for entry in built_or_rst} == {"api/index", "auto_gallery/index"}


def test_the_first_page_takes_its_table_from_the_readme():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    begin, end = re.findall(r':(?:start-after|end-before): "(.*)"', index)
    table = readme[readme.index(begin) + len(begin) : readme.index(end)].strip()
    assert all(line.startswith("|") for line in table.splitlines())
    assert "mean rank" in table


def test_the_page_of_benchmarks_names_all_of_them():
    text = (DOCS / "benchmarks.md").read_text(encoding="utf-8")
    scripts = {
        path.name
        for path in (ROOT / "benchmarks").glob("*.py")
        if not path.name.startswith("_")
    }
    assert set(re.findall(r"python benchmarks/(\w+\.py)", text)) == scripts
    results = {path.name for path in (ROOT / "benchmarks" / "results").glob("*.md")}
    assert set(re.findall(r"benchmarks/results/(\w+\.md)", text)) == results


def test_what_is_built_is_neither_committed_nor_packed():
    ignored = (ROOT / ".gitignore").read_text(encoding="utf-8").split()
    packed = (ROOT / "MANIFEST.in").read_text(encoding="utf-8")
    for folder in ("docs/_build", "docs/auto_gallery", "docs/api/generated"):
        assert f"/{folder}/" in ignored
        assert f"prune {folder}\n" in packed


# -- links between GitHub and the site -------------------------------------------------


@pytest.fixture(scope="module")
def links():
    sys.path.insert(0, str(DOCS / "_ext"))
    try:
        import repository_links
    finally:
        sys.path.pop(0)
    return repository_links


HOME = "https://github.com/skreg/skreg"


@pytest.mark.parametrize(
    "target, folder, expected",
    [
        ("faq.md", "", "faq.md"),
        ("#here", "", "#here"),
        ("index.md#a", "user_guide", "index.md#a"),
        ("https://numba.pydata.org", "", "https://numba.pydata.org"),
        ("images/cost.png", "", "images/cost.png"),
        ("../benchmarks", "", f"{HOME}/tree/main/benchmarks"),
        ("../../tests/a.py#L3", "developers", f"{HOME}/blob/main/tests/a.py#L3"),
        ("../../CONTRIBUTING.md#x", "developers", "/developers/contributing.md#x"),
        (f"{HOME}/blob/main/docs/faq.md#x", "developers", "../faq.md#x"),
        (f"{HOME}/blob/main/skreg/a.py", "", f"{HOME}/blob/main/skreg/a.py"),
        ("../gallery/plot_a.py", "user_guide", "/auto_gallery/plot_a.rst"),
        ("gallery/README.rst", "", "/auto_gallery/index.rst"),
    ],
)
def test_links_lead_to_the_same_on_the_site(links, target, folder, expected):
    assert links.rewritten_target(target, folder) == expected


def test_code_keeps_its_text(links):
    page = "[a](../x.py)\n```python\n>>> [a](../x.py)\n\n```\n[a](../x.py)\n"
    link = f"[a]({HOME}/blob/main/x.py)"
    expected = f"{link}\n```python\n>>> [a](../x.py)\n```\n{link}\n"
    assert links.rewritten_page(page, "") == expected


@pytest.mark.parametrize(
    "before, is_of_others",
    [
        ("scikit-learn's ", True),
        ("as scikit-learn’s MLPClassifier, ", True),
        ("In scikit-learn 1.9 ", True),
        ("imbalanced-learn's SMOTE and ", True),
        ("Beside scikit-learn's network stands our own. ", False),
        ("scikit-learn has a ", False),
        ("", False),
    ],
)
def test_names_of_others_are_told_apart(links, before, is_of_others):
    assert bool(links._OF_OTHERS.search(before)) == is_of_others


def test_names_in_pages_lead_to_the_reference(links):
    assert sorted(links.public_names().values()) == sorted(LISTED)
