"""The scripts of docs/gallery/ have a story and use what is public, without running."""

import ast
import importlib
import re
from pathlib import Path

import pytest

GALLERY = Path(__file__).parents[1] / "docs" / "gallery"
SCRIPTS = sorted(GALLERY.glob("plot_*.py"))
# Drawn from simulated data, because only fresh training sets show what they show.
SIMULATED = {"plot_bias_variance.py"}


def parsed(script):
    return ast.parse(script.read_text(encoding="utf-8"))


def imports_from_skreg(tree):
    """The (module, name) pairs that a script imports, the name None for a module."""
    pairs = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            pairs |= {(node.module, alias.name) for alias in node.names}
        elif isinstance(node, ast.Import):
            pairs |= {(alias.name, None) for alias in node.names}
    return {(module, name) for module, name in pairs if module.split(".")[0] == "skreg"}


def test_the_gallery_is_there_and_has_a_header():
    assert len(SCRIPTS) >= 10
    lines = (GALLERY / "README.rst").read_text(encoding="utf-8").splitlines()
    assert lines[0] and set(lines[1]) == {"="} and len(lines[1]) >= len(lines[0])


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
class TestScript:
    def test_it_begins_with_a_title_and_a_text(self, script):
        title, line, *text = ast.get_docstring(parsed(script)).splitlines()
        assert set(line) == {"="} and len(line) == len(title)
        assert len(" ".join(text).split()) > 25

    def test_its_sections_have_whole_underlines(self, script):
        text = script.read_text(encoding="utf-8")
        assert text.count("\n# %%\n") >= 2
        for title, line in re.findall(r"^# (.+)\n# (-{4,})$", text, flags=re.M):
            assert len(title) == len(line), title

    def test_it_imports_public_names_of_skreg_alone(self, script):
        pairs = imports_from_skreg(parsed(script))
        assert pairs
        for module, name in pairs:
            assert not any(part.startswith("_") for part in module.split("."))
            if name is not None:
                assert name in importlib.import_module(module).__all__

    def test_it_has_no_file_but_itself(self, script):
        text = script.read_text(encoding="utf-8")
        assert "fetch_" not in text and "open(" not in text and "savefig" not in text
        assert "plt.show()" in text
        assert script.name in SIMULATED or "from sklearn.datasets import load_" in text


def test_a_private_import_would_be_seen():
    tree = ast.parse("from skreg._core import x\nimport skreg.inspection\nimport numpy")
    assert imports_from_skreg(tree) == {
        ("skreg._core", "x"),
        ("skreg.inspection", None),
    }
