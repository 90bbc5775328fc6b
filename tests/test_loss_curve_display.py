"""The picture of how a network learned."""

import subprocess
import sys
import warnings

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg.inspection import LossCurveDisplay


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.fixture(scope="module")
def network(iris):
    return MLPClassifier(
        (8,),
        alpha=0.1,
        early_stopping=True,
        learning_rate_init=0.1,
        random_state=0,
        max_iter=40,
    ).fit(*iris)


def test_matplotlib_is_imported_only_to_plot():
    code = (
        "import sys, skreg.inspection; assert not {'matplotlib', 'polars'} & "
        "{*sys.modules}"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_like_is_compared_with_like(network, plt):
    display = LossCurveDisplay.from_estimator(network).plot()
    training, validation = display.lines_
    np.testing.assert_array_equal(training.get_ydata(), network.data_loss_curve_)
    np.testing.assert_array_equal(
        validation.get_ydata(), network.validation_loss_curve_
    )
    assert not np.allclose(network.data_loss_curve_, network.loss_curve_)
    for line in display.lines_:
        np.testing.assert_array_equal(
            line.get_xdata(), np.arange(1, network.n_iter_ + 1)
        )
    labels = [text.get_text() for text in display.ax_.get_legend().get_texts()]
    best = f"best epoch: {network.best_iter_}"
    assert labels == ["training rows", "validation rows", best]


def test_the_best_epoch_and_the_reason(network, plt):
    display = LossCurveDisplay.from_estimator(network).plot()
    assert set(display.best_.get_xdata()) == {network.best_iter_}
    # The mark stands at the smallest validation loss.
    lowest = 1 + int(np.argmin(display.lines_[1].get_ydata()))
    assert network.best_iter_ == lowest
    title = display.ax_.get_title()
    assert title == f"MLPClassifier: {network.stop_reason_}"


def test_without_early_stopping_there_is_one_curve(iris, plt):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network = MLPClassifier((3,), max_iter=4, random_state=0).fit(*iris)
    display = LossCurveDisplay.from_estimator(network).plot()
    assert len(display.lines_) == 1 and display.best_ is None
    assert display.ax_.get_title() == "MLPClassifier: max_iter"


def test_axes_and_line_parameters(network, plt):
    figure, (left, right) = plt.subplots(1, 2)
    display = LossCurveDisplay.from_estimator(network)
    assert display.plot(ax=right, linewidth=7) is display
    assert display.ax_ is right and display.figure_ is figure
    assert not left.lines
    assert {line.get_linewidth() for line in display.lines_} == {7}


def test_pipelines_and_what_has_no_curves(iris, network):
    X, y = iris
    pipeline = make_pipeline(StandardScaler(), network)
    pipeline.fit(X, y)
    display = LossCurveDisplay.from_estimator(pipeline)
    assert display.data_loss == pipeline[-1].data_loss_curve_
    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(MLPClassifier())
    with pytest.raises(TypeError, match="LogisticRegression has no loss curves"):
        LossCurveDisplay.from_estimator(LogisticRegression(max_iter=1000).fit(X, y))


def test_with_refit_the_curves_are_those_of_the_first_phase(iris, plt):
    network = MLPClassifier(
        (8,), early_stopping=True, refit=True, random_state=0, max_iter=9
    ).fit(*iris)
    display = LossCurveDisplay.from_estimator(network).plot()
    assert len(display.lines_[0].get_xdata()) == network.n_iter_ == 9
