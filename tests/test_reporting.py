"""Lines that are printed while networks train, and when a fit ends with a warning."""

import warnings

import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

from skreg import MLPRegressor
from skreg.neural_network._reporting import call_all, warn_about_candidates


def warnings_of(call):
    with warnings.catch_warnings(record=True) as records:
        warnings.simplefilter("always")
        call()
    return [record for record in records if record.category is ConvergenceWarning]


def test_lines_have_the_numbers_of_the_curves(capsys, regression):
    network = MLPRegressor((5,), early_stopping=True, max_iter=12, verbose=True)
    network.set_params(learning_rate_init=0.1, random_state=0, scoring=None)
    network.fit(*regression)
    _, *lines = capsys.readouterr().out.splitlines()
    scores = network.validation_scores_
    expected = [
        f"Iteration {epoch}, loss = {loss:.8f}, validation loss = "
        f"{validation_loss:.8f}, validation score = {score:.6f}"
        + (" (best)" if score > max(scores[: epoch - 1], default=-np.inf) else "")
        for epoch, (loss, validation_loss, score) in enumerate(
            zip(
                network.loss_curve_,
                network.validation_loss_curve_,
                scores,
                strict=True,
            ),
            start=1,
        )
    ]
    assert lines == expected
    n_best = sum(line.endswith(" (best)") for line in lines)
    assert 0 < n_best < len(lines)


def test_the_lines_of_a_refit_say_its_phases(capsys, regression):
    network = MLPRegressor((5,), early_stopping=True, refit=True, max_iter=3)
    network.set_params(verbose=True, random_state=0).fit(*regression)
    lines = capsys.readouterr().out.splitlines()
    starts = [line.partition(",")[0] for line in lines if line.startswith("Iteration")]
    first = [f"Iteration {epoch}" for epoch in (1, 2, 3)]
    assert starts[:3] == first
    assert starts[3:] == [f"Iteration {i} (refit)" for i in range(1, len(starts) - 2)]
    assert len(starts) > 3


def test_all_reports_are_called_and_the_first_reason_counts():
    called = []

    def report(reason):
        return lambda progress: called.append((progress, reason)) or reason

    reports = [report(reason) for reason in (None, "first", "second")]
    assert call_all(reports, 7) == "first"
    assert called == [(7, None), (7, "first"), (7, "second")]
    assert call_all(reports[:1], 7) is None


@pytest.mark.parametrize(
    "params, warns",
    [
        ({}, True),
        ({"learning_rate": "cosine"}, False),
        ({"dropout": 0.1, "dropout_schedule": "cosine"}, False),
        ({"early_stopping": True}, False),
        ({"solver": "lbfgs"}, True),
        ({"solver": "lbfgs", "early_stopping": True}, False),
    ],
)
def test_the_last_epoch_is_a_cause_for_a_warning(params, warns, regression):
    network = MLPRegressor((5,), max_iter=20, random_state=0)
    network.set_params(**params)
    found = warnings_of(lambda: network.fit(*regression))
    assert network.stop_reason_ == "max_iter"
    assert len(found) == warns


@pytest.mark.parametrize("n_faults, warns", [(1, False), (2, False), (3, True)])
def test_most_of_the_fits_of_a_candidate_decide(n_faults, warns):
    fits = {0: ["useless"] * n_faults + [None] * (4 - n_faults), 1: [None] * 4}
    assert len(warnings_of(lambda: warn_about_candidates(fits, 2))) == warns
