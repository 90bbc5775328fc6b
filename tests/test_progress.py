"""Long work says how far it is, and comes to the same on any number of workers."""

import numpy as np
import pytest
from helpers import NETWORK, make_data
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from skreg import MLPClassifier
from skreg._fitting import sparse_path
from skreg._utils.progress import ProgressLines
from skreg.diagnosis import bias_variance_decomposition, diagnose
from skreg.feature_selection import (
    SparseInputSelector,
    StabilitySelection,
    feature_path,
)
from skreg.inspection import BiasVarianceDisplay

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = make_data()
NET = MLPClassifier(**NETWORK | {"max_iter": 5})


@pytest.fixture(autouse=True)
def quick_paths(monkeypatch):
    # Workers do not know of it: what is compared between numbers of them sets more.
    monkeypatch.setattr(sparse_path, "_UPDATES_PER_POINT", 5)


def test_lines(capsys):
    lines = ProgressLines("work", 1, 50, "pieces")
    for _ in range(50):
        lines.advance()
    printed = capsys.readouterr().out.splitlines()
    assert len(printed) == 25
    assert printed[0].startswith("work: 2 of 50 pieces done, 0.0 s")
    assert printed[-1].startswith("work: 50 of 50 pieces done")
    # The last one has a line, though it is no twentieth.
    lines = ProgressLines("work", 1, 45, "pieces")
    lines.advance(44)
    lines.advance()
    assert "45 of 45 pieces done" in capsys.readouterr().out
    ProgressLines("work", 0, 1, "pieces").advance()
    ProgressLines("work", 1, None, "pieces").advance()
    assert capsys.readouterr().out == ""


def run(what, **options):
    if what == "stability":
        return StabilitySelection(
            NET, threshold=0.8, q=2, n_pairs=6, random_state=0, **options
        ).fit(X, Y)
    if what == "selector":
        return SparseInputSelector(NET, cv=3, **options).fit(X, Y)
    if what == "path":
        return feature_path(NET, X, Y, **options)
    if what == "diagnosis":
        return diagnose(LogisticRegression(), X, Y, cv=2, random_state=0, **options)
    sets = dict(X_test=X, y_test=Y, n_rounds=4, random_state=0)
    if what == "networks":
        return bias_variance_decomposition(NET, X, Y, **sets, **options)
    if what == "others":
        return bias_variance_decomposition(DummyClassifier(), X, Y, **sets, **options)
    return BiasVarianceDisplay.from_estimator(
        NET, X, Y, param_name="alpha", param_range=[0.1, 1.0], **sets, **options
    )


LINES = {
    "stability": ["StabilitySelection: 6 of 12 paths", "StabilitySelection: 12 of 12"],
    "selector": ["SparseInputSelector: 2 of 4 paths", "SparseInputSelector: 4 of 4"],
    "path": [
        "feature_path: 10 of 10 inputs left at feature_alpha=0,",
        "feature_path: 0",
    ],
    "diagnosis": ["diagnose: 2 of 10 settings", "diagnose: 10 of 10 settings"],
    "networks": [
        f"bias_variance_decomposition: {n} of 4 training sets done" for n in range(1, 5)
    ],
    "others": ["bias_variance_decomposition: 4 of 4"],
    "display": ["BiasVarianceDisplay: 1 of 2 values", "BiasVarianceDisplay: 2 of 2"],
}


@pytest.mark.parametrize("what", LINES)
def test_what_is_printed(what, capsys):
    run(what)
    assert capsys.readouterr().out == ""
    run(what, verbose=1)
    printed = capsys.readouterr().out
    for line in LINES[what]:
        assert line in printed
    assert len(printed.splitlines()) <= 12


@pytest.mark.parametrize("what", ["networks", "others"])
def test_of_workers_the_parts_are_told(what, capsys):
    run(what, verbose=1, n_jobs=2)
    assert "4 of 4 training sets done" in capsys.readouterr().out


# Without the fixture, whose change workers do not see.
@pytest.mark.parametrize("kind", ["stability", "selector"])
def test_results_do_not_depend_on_n_jobs(kind, monkeypatch):
    monkeypatch.undo()
    one, none, three = (run(kind, n_jobs=n_jobs) for n_jobs in (1, None, 3))
    for other in (none, three):
        if kind == "stability":
            np.testing.assert_array_equal(
                other.stability_scores_, one.stability_scores_
            )
            continue
        for key, values in one.cv_results_.items():
            np.testing.assert_array_equal(other.cv_results_[key], values)
        for ours, expected in zip(other.path_.coefs, one.path_.coefs, strict=True):
            for a, b in zip(ours, expected, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("kind, sizes", [("stability", [6, 6]), ("selector", [2, 2])])
def test_blocks_do_not_depend_on_n_jobs(kind, sizes, monkeypatch):
    """What trains side by side decides the last bits, seldom seen in small tests."""
    cut = []

    def run_here(calls, n_jobs, prefers_threads):
        for function, (tasks, *others), options in calls:
            cut.append((n_jobs, len(tasks)))
            # What scikit-learn wraps it in asks for what only its Parallel gives.
            yield function.function(tasks, *others, **options)

    monkeypatch.setattr("skreg.feature_selection._blocks.run_calls", run_here)
    for n_jobs in (None, 1, 2, 5):
        run(kind, n_jobs=n_jobs)
        assert [size for asked, size in cut if asked == n_jobs] == sizes
