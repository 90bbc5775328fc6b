"""The picture of bias and variance against a parameter."""

import runpy
from pathlib import Path

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPRegressor
from skreg.diagnosis import bias_variance_decomposition
from skreg.inspection import BiasVarianceDisplay

X_TEST = np.linspace(-3, 3, 40)[:, None]
Y_TEST = np.sin(X_TEST[:, 0])


def sample(random_state):
    X = random_state.uniform(-3, 3, size=(30, 1))
    return X, np.sin(X[:, 0]) + 0.5 * random_state.normal(size=30)


OPTIONS = dict(
    X_test=X_TEST, y_test=Y_TEST, resampling=sample, n_rounds=15, random_state=0
)


def test_bias_rises_and_variance_falls_with_neighbors():
    display = BiasVarianceDisplay.from_estimator(
        KNeighborsRegressor(),
        param_name="n_neighbors",
        param_range=[1, 5, 25],
        **OPTIONS,
    )
    assert (np.diff(display.bias) > 0).all()
    assert (np.diff(display.variance) < 0).all()
    np.testing.assert_allclose(display.bias + display.variance, display.loss)


def test_every_value_sees_the_same_training_sets():
    seen = []

    def remember(random_state):
        X, y = sample(random_state)
        seen.append(y.sum())
        return X, y

    options = {**OPTIONS, "resampling": remember, "random_state": None}
    display = BiasVarianceDisplay.from_estimator(
        Ridge(), param_name="alpha", param_range=[1.0, 2.0, 1.0], **options
    )
    assert seen[:15] == seen[15:30] == seen[30:]
    assert len(set(seen)) == 15
    assert display.loss[0] == display.loss[2] != display.loss[1]


def test_it_is_the_decomposition_of_every_value():
    network = MLPRegressor((4,), solver="lbfgs", max_iter=500, tol=1e-2)
    pipeline = make_pipeline(StandardScaler(), network)
    display = BiasVarianceDisplay.from_estimator(
        pipeline, param_name="mlpregressor__alpha", param_range=[0.01, 1.0], **OPTIONS
    )
    assert network.alpha == 1e-4
    seed = int(np.random.RandomState(0).randint(2**31 - 1))
    alone = bias_variance_decomposition(
        make_pipeline(StandardScaler(), network.set_params(alpha=1.0)),
        **{**OPTIONS, "random_state": seed},
    )
    assert display.variance[1] == pytest.approx(alone.variance)
    assert display.bias[1] == pytest.approx(alone.bias)


def test_what_is_drawn(plt):
    display = BiasVarianceDisplay.from_estimator(
        Ridge(),
        param_name="alpha",
        param_range=[0.1, 1, 10],
        noise=0.25,
        **{**OPTIONS, "y_test": Y_TEST + 0.5},
    )
    figure, (left, right) = plt.subplots(1, 2)
    assert display.plot(ax=right, linewidth=3) is display
    assert display.ax_ is right and display.figure_ is figure and not left.lines
    assert set(display.lines_) == {"loss", "bias", "variance", "noise"}
    for part, line in display.lines_.items():
        np.testing.assert_array_equal(line.get_xdata(), [0.1, 1, 10])
        np.testing.assert_array_equal(line.get_ydata(), getattr(display, part))
        assert line.get_linewidth() == 3
    assert right.get_xscale() == "log" and right.get_xlabel() == "alpha"
    labels = [text.get_text() for text in right.get_legend().get_texts()]
    assert labels == ["squared error (sum)", "bias²", "variance", "noise"]
    # A band a part but for the noise, one standard error to either side.
    for part, band in zip(("loss", "bias", "variance"), right.collections, strict=True):
        vertices = band.get_paths()[0].vertices
        for value, each in zip([0.1, 1, 10], display.decompositions, strict=True):
            height, error = getattr(each, part), getattr(each, f"{part}_se")
            edges = np.unique(vertices[vertices[:, 0] == value, 1])
            np.testing.assert_allclose(edges, [height - error, height + error])


def test_true_and_false_stand_side_by_side_by_name(plt):
    display = BiasVarianceDisplay.from_estimator(
        Ridge(), param_name="fit_intercept", param_range=[True, False], **OPTIONS
    ).plot()
    ticks = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert ticks == ["True", "False"]
    assert display.lines_["loss"].get_xdata().tolist() == [0, 1]


def test_values_that_are_not_numbers(plt):
    y = (Y_TEST > 0).astype(int)
    display = BiasVarianceDisplay.from_estimator(
        KNeighborsClassifier(),
        X_TEST,
        y,
        X_test=X_TEST,
        y_test=y,
        param_name="weights",
        param_range=["uniform", "distance"],
        n_rounds=4,
        random_state=0,
    ).plot()
    ticks = [text.get_text() for text in display.ax_.get_xticklabels()]
    assert ticks == ["uniform", "distance"]
    assert display.ax_.get_xscale() == "linear"
    assert "noise" not in display.lines_
    assert display.lines_["bias"].get_label() == "bias"


def test_the_axis_reaches_down_to_a_negative_variance(plt):
    # Nearly all rounds predict what is wrong, so that leaving it is a gain.
    y = np.repeat([0, 1], [30, 10])
    display = BiasVarianceDisplay.from_estimator(
        DummyClassifier(),
        X_TEST,
        y,
        **dict(X_test=X_TEST, y_test=np.ones(40, dtype=int)),
        **dict(param_name="strategy", param_range=["stratified", "prior"]),
        **dict(n_rounds=15, random_state=0),
    ).plot()
    low, _ = display.ax_.get_ylim()
    assert low < display.variance[0] < -0.1


def test_errors():
    with pytest.raises(ValueError, match="'alfa' is not a parameter of Ridge"):
        BiasVarianceDisplay.from_estimator(
            Ridge(), param_name="alfa", param_range=[1], **OPTIONS
        )
    with pytest.raises(ValueError, match="no values"):
        BiasVarianceDisplay.from_estimator(
            Ridge(), param_name="alpha", param_range=[], **OPTIONS
        )


def test_the_example_tells_its_story(plt, tmp_path, monkeypatch, capsys):
    path = Path(__file__).parents[1] / "docs" / "gallery" / "plot_bias_variance.py"
    monkeypatch.chdir(tmp_path)
    names = runpy.run_path(str(path))
    results = names["results"]
    line, network = results["a line"], results["a network, unregularized"]
    assert line.bias > 5 * line.variance
    assert network.variance > 5 * network.bias
    assert network.loss < line.loss
    truth = names["wave"](names["X_test"])
    for name in list(results)[2:]:
        # Round by round on the same training sets.
        losses, unregularized = (
            ((each.predictions - truth) ** 2).mean(axis=1)
            for each in (results[name], network)
        )
        gains = unregularized - losses
        assert gains.mean() > 2 * gains.std(ddof=1) / np.sqrt(len(gains)), name
        assert results[name].variance < network.variance, name
    assert len(results) == 6
    alphas = names["display"]
    # From variance to bias, with the least sum in between.
    assert alphas.variance[0] > 3 * alphas.variance[-1]
    assert alphas.bias[-1] > 10 * alphas.bias[0]
    assert 0 < np.argmin(alphas.loss) < len(alphas.loss) - 1
    printed = capsys.readouterr().out
    assert all(name in printed for name in results)
    assert not list(tmp_path.iterdir())
    assert len(plt.get_fignums()) == 2
