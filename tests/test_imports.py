"""Imports go down one list, the core knows NumPy and SciPy only, importing is clean."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

# A module may import those below it, and those of its own entry. An entry stands for
# everything inside it, except where its submodules are entries of their own.
ORDER = (
    "skreg.__main__",
    "skreg",
    "skreg.inspection",
    "skreg.diagnosis",
    "skreg.ensemble",
    "skreg.feature_selection",
    "skreg.model_selection",
    "skreg.neural_network",
    "skreg._fitting",
    "skreg.augmentation",
    "skreg._utils",
    "skreg._core",
    "skreg._core.batching",
    "skreg._core.training",
    "skreg._core.averaging",
    "skreg._core.schedules",
    "skreg._core.minibatches",
    "skreg._core.step",
    "skreg._core.compiled",
    "skreg._core.compiled.step",
    "skreg._core.compiled.evaluation",
    "skreg._core.compiled.blocks",
    "skreg._core.compiled.passes",
    "skreg._core.compiled.activations",
    "skreg._core.compiled.losses",
    "skreg._core.compiled.updates",
    "skreg._core.compiled.sparse",
    "skreg._core.compiled.periodic",
    "skreg._core.compiled.layout",
    "skreg._core.compiled.primitives",
    "skreg._core.compiled.elementary",
    "skreg._core.compiled.jit",
    "skreg._core.solvers",
    "skreg._core.validation",
    "skreg._core.soundness",
    "skreg._core.objective",
    "skreg._core.predictions",
    "skreg._core.network",
    "skreg._core.pruning",
    "skreg._core.rows",
    "skreg._core.optimizers",
    "skreg._core.periodic",
    "skreg._core.loop",
    "skreg._core.stopping",
    "skreg._core.penalties",
    "skreg._core.streams",
    "skreg._core.losses",
    "skreg._core.targets",
    "skreg._core.activations",
    "skreg._core.buffers",
    "skreg._core.tables",
    "skreg._core.engines",
    "skreg._core.threads",
    "skreg._core.process",
    "skreg._core.properties",
    "skreg._typing",
)
NOT_IN_CORE = {"sklearn", "matplotlib", "pandas", "joblib"}

ROOT = Path(__file__).resolve().parents[1]


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


FILES = {module_name(path): path for path in sorted(ROOT.glob("skreg/**/*.py"))}


def place(module):
    """The index of a module's entry in ORDER, or None."""
    for index, entry in enumerate(ORDER):
        is_split = any(other.startswith(entry + ".") for other in ORDER)
        if module == entry or (module.startswith(entry + ".") and not is_split):
            return index
    return None


def imported_modules(source, module, is_package, modules):
    """Yield (line number, absolute name) of each import, those in functions included.

    ``from package import name`` is an import of the submodule where there is one.
    """
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parents = module.split(".")
                parents = parents[: len(parents) - node.level + is_package]
                base = ".".join(parents + [base] * bool(base))
            for alias in node.names:
                submodule = f"{base}.{alias.name}"
                yield node.lineno, submodule if submodule in modules else base


def find_faults(source, module, is_package=False, modules=()):
    """What is wrong with the imports of one module, as a list of sentences."""

    def unplaced(name):
        return (
            f"{name} has no place in the order of imports: add it to ORDER in "
            "tests/test_imports.py, below all that import it, above all it imports"
        )

    here = place(module)
    if here is None:
        return [unplaced(module)]
    faults = []
    for line, target in imported_modules(source, module, is_package, modules):
        package = target.partition(".")[0]
        if package == "skreg":
            there = place(target)
            if there is None:
                faults.append(f"line {line}: {unplaced(target)}")
            elif there < here:
                faults.append(
                    f"line {line}: {module} imports {target}, which stands above it"
                )
        elif module.startswith("skreg._core") and package in NOT_IN_CORE:
            faults.append(f"line {line}: {module} imports {target}: not in the core")
    return faults


@pytest.mark.parametrize("module", FILES)
def test_imports_go_down(module):
    path = FILES[module]
    faults = find_faults(
        path.read_text(encoding="utf-8"), module, path.name == "__init__.py", FILES
    )
    assert not faults, f"{path.relative_to(ROOT)}: " + "; ".join(faults)


PRIVATE = ("skreg._utils.sklearn_private", "skreg.model_selection._sklearn_private")


def private_names(source):
    """What a source imports from behind scikit-learn's underscores."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        for name in names:
            package, *parts = name.split(".")
            if package == "sklearn" and any(part.startswith("_") for part in parts):
                yield name


@pytest.mark.parametrize("module", [name for name in FILES if name not in PRIVATE])
def test_private_names_of_scikit_learn_stand_in_two_files(module):
    names = list(private_names(FILES[module].read_text(encoding="utf-8")))
    assert not names, f"{module} imports {names}: add them to {PRIVATE[0]}"


def test_private_names_are_found():
    source = (
        "from sklearn.utils import _safe_indexing, check_array\n"
        "import sklearn.utils._param_validation\n"
        "from sklearn.model_selection._split import BaseCrossValidator\n"
    )
    assert len(list(private_names(source))) == 3


@pytest.mark.parametrize(
    "module, source, fault",
    [
        ("skreg", "from .neural_network import MLPClassifier", None),
        ("skreg.__main__", "from skreg import MLPClassifier", None),
        ("skreg.neural_network._base", "from .._core import losses", None),
        ("skreg.neural_network._base", "from . import _callbacks", None),
        ("skreg.neural_network._base", "import sklearn.base", None),
        ("skreg._core.training", "from . import losses\nimport numpy", None),
        ("skreg._core.losses", "from .training import train", "stands above"),
        ("skreg._core.losses", "from . import training", "stands above"),
        ("skreg._core.losses", "from .. import MLPClassifier", "stands above"),
        ("skreg._core.losses", "from skreg._core import training", "stands above"),
        ("skreg._core.losses", "import skreg._core.training as t", "stands above"),
        ("skreg._core.losses", "from . import *", "stands above"),
        ("skreg.augmentation", "from ..neural_network import x", "stands above"),
        ("skreg.model_selection", "import skreg", "stands above"),
        ("skreg", "import skreg.__main__", "stands above"),
        ("skreg._core.training", "def f():\n    from ..x import y", "no place"),
        ("skreg._core.unheard_of", "", "no place"),
        ("skreg.unheard_of", "", "no place"),
        ("skreg._core.streams", "from sklearn.utils import shuffle", "not in the core"),
        ("skreg._core.streams", "def f():\n    import joblib", "not in the core"),
        ("skreg._core", "import pandas as pd", "not in the core"),
    ],
)
def test_faults_are_found(module, source, fault):
    is_package = module == "skreg" or module.count(".") == 1 and "__" not in module
    modules = {"skreg._core.losses", "skreg._core.training", "skreg.__main__"}
    faults = find_faults(source, module, is_package, modules)
    assert len(faults) == (fault is not None), faults
    if fault is not None:
        assert fault in faults[0]


CHILD = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):  # what skreg stands on changes the state itself
    try:
        importlib.import_module(name)
    except ImportError:  # entries of sys.modules that no import finds
        pass
import random, warnings
import numpy as np

def state():
    return {
        "np.geterr": str(np.geterr()),
        "np.random": str([part.tolist() if hasattr(part, "tolist") else part
                          for part in np.random.get_state()]),
        "random": str(random.getstate()),
        "warnings.filters": str(warnings.filters),
    }

state_before, modules_before = state(), list(sys.modules)
import skreg
state_after = state()
print(json.dumps({
    "changed": [key for key in state_before if state_before[key] != state_after[key]],
    "imported": [name for name in sys.modules if name not in modules_before],
}))
"""


def import_skreg(preload):
    done = subprocess.run(
        [sys.executable, "-c", CHILD, json.dumps(preload)],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.slow
def test_importing_skreg_is_clean():
    foundations = ("numpy", "scipy", "sklearn", "joblib", "threadpoolctl")
    preload = [
        name
        for name in import_skreg([])["imported"]
        if name.partition(".")[0] in foundations
    ]
    result = import_skreg(preload)
    assert "skreg" in result["imported"]
    assert result["changed"] == []
    assert not {"matplotlib", "numba", "pandas"} & set(result["imported"])


@pytest.mark.parametrize("path", ROOT.glob("tests/test_*.py"), ids=lambda p: p.name)
def test_test_files_share_by_helpers_alone(path):
    source = path.read_text(encoding="utf-8")
    for _, name in imported_modules(source, "tests", False, ()):
        assert not name.startswith("test_"), f"{path.name} imports {name}"
