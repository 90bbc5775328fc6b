"""The tour (`make demo`), reduced: a hundred rows, one split, a small grid."""

import importlib.util
import io
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer, make_classification

# It belongs to the repository, not to the package.
PATH = Path(__file__).resolve().parents[1] / "demo" / "tour.py"
SPEC = importlib.util.spec_from_file_location("tour", PATH)
demo = sys.modules["tour"] = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(demo)


def load_some_rows(return_X_y=True):
    X, y = load_breast_cancer(return_X_y=True)
    return X[:120], y[:120]


@pytest.fixture(autouse=True)
def small_network(monkeypatch):
    network = {**demo.NETWORK, "max_iter": 15, "batch_size": 16}
    monkeypatch.setattr(demo, "NETWORK", network)


@pytest.fixture
def reduced(monkeypatch):
    monkeypatch.setattr(demo, "DATASETS", {"some rows": load_some_rows})
    grid = {"alpha": [1e-4, 1e-2], "l1_ratio": [1.0], "early_stopping": [True]}
    monkeypatch.setattr(demo, "GRID", grid)


def run(path):
    demo.main(["--figure", str(path), "--splits", "2", "--jobs", "1"])


def test_the_tour_prints_a_table_and_saves_a_figure(reduced, tmp_path, capsys):
    pytest.importorskip("matplotlib")
    path = tmp_path / "figure.png"
    run(path)
    printed, progress = capsys.readouterr()
    assert path.read_bytes().startswith(b"\x89PNG")
    assert printed.splitlines()[-1] == f"Figure: {path}"
    for name in (*demo.RECIPES, demo.TUNED):
        (row,) = re.findall(rf"^{name}  .*%.*$", printed, flags=re.M)
        assert "nan" not in row
    assert printed.count("tuned on split") == 2
    assert "100%" in progress.splitlines()[-1]


def test_the_tour_works_without_matplotlib(reduced, tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    path = tmp_path / "figure.png"
    run(path)
    assert "needs matplotlib" in capsys.readouterr().out
    assert not path.exists()


def test_the_tour_asks_for_no_display(reduced, tmp_path, monkeypatch):
    pytest.importorskip("matplotlib")
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    path = tmp_path / "figure.png"
    run(path)
    assert path.exists()


def test_what_is_measured_is_of_the_parts():
    """Train and test are not mixed up, and the zeros are those of the network."""
    X, y = make_classification(n_samples=60, n_informative=2, random_state=0)
    train, test = np.arange(40), np.arange(40, 60)
    model = demo.make_pipeline(
        hidden_layer_sizes=(), early_stopping=True, alpha=0.3, l1_ratio=1.0
    )
    fit = demo.fit_and_measure(model, X, y, train, test)
    assert fit.train_error == pytest.approx(1 - model.score(X[:40], y[:40]))
    assert fit.test_error == pytest.approx(1 - model.score(X[40:], y[40:]))
    proba = model.predict_proba(X[40:])[np.arange(20), y[40:]]
    assert fit.test_log_loss == pytest.approx(-np.log(proba).mean())
    assert fit.sparsity == pytest.approx(np.mean(model["mlp"].coefs_[0] == 0))
    assert fit.sparsity > 0


def test_progress_is_one_line_on_a_terminal():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal = Terminal()
    line = demo.ProgressLine(4, terminal)
    line.show("first", 0)
    line.show("second", 4)
    line.close()
    assert "\n" not in terminal.getvalue()
    assert "100%" in terminal.getvalue()


def test_the_number_of_fits_is_that_of_the_search():
    X, y = make_classification(n_samples=40, random_state=0)
    search = demo.make_search({"alpha": [1e-3, 1e-2], "early_stopping": [True]}, None)
    search.fit(X, y)
    n_fits = search.n_splits_ * len(search.cv_results_["params"]) + 1
    assert demo.n_fits_of(search) == n_fits
