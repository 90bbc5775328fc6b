"""`feature_groups="auto"` finds one-hot columns by an encoder's names and values."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skreg import MLPRegressor, MLPRegressorCV
from skreg._fitting.input_groups import one_hot_blocks
from skreg.feature_selection import SparseInputSelector, StabilitySelection
from skreg.model_selection import GridSearchCV

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

pd = pytest.importorskip("pandas")


def table(n_rows=120):
    """Two categories, of which one matters, a number, and unrelated indicators."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "colour": rng.choice(["dark_red", "dark_blue", "green"], n_rows),
            "size": rng.choice(list("SML"), n_rows),
            "size_cm": rng.normal(size=n_rows),
            "has_car": rng.integers(2, size=n_rows),
            "has_dog": rng.integers(2, size=n_rows),
        }
    )
    return frame, 3.0 * (frame["colour"] == "green") + 0.1 * frame["size_cm"]


def encoder(**params):
    return make_column_transformer(
        (OneHotEncoder(sparse_output=False, **params), ["colour", "size"]),
        (StandardScaler(), ["size_cm"]),
        remainder="passthrough",
        verbose_feature_names_out=params == {},
    ).set_output(transform="pandas")


FRAME, TARGET = table()


def blocks_of(frame, kind=np.asarray):
    names = np.array(frame.columns, dtype=object)
    blocks = one_hot_blocks(kind(frame.to_numpy()), names)
    return [list(names[block]) for block in blocks]


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("params", [{}, {"drop": "first"}, {"min_frequency": 35}])
def test_blocks_are_those_of_the_encoder(params, kind):
    encoded = encoder(**params).fit_transform(FRAME)
    names = [name for name in encoded.columns if "size_cm" not in name]
    expected = [
        [name for name in names if part in name] for part in ("colour_", "size_")
    ]
    assert blocks_of(encoded, kind) == [each for each in expected if len(each) > 1]


def test_indicators_that_go_together_are_no_block():
    frame = pd.DataFrame({"has_car": [1, 1, 0], "has_dog": [1, 0, 1]})
    assert blocks_of(frame) == []
    # A column is compared with all of a block, and not only with the last one.
    rooms = pd.DataFrame({"in_a": [1, 0, 0], "in_b": [0, 1, 0], "in_c": [1, 0, 1]})
    assert blocks_of(rooms) == [["in_a", "in_b"]]
    # Names alone, or values alone, make none either.
    assert blocks_of(pd.DataFrame({"a_x": [0.0, 2.0], "a_y": [2.0, 0.0]})) == []
    assert blocks_of(pd.DataFrame({"car": [0, 1], "dog": [1, 0]})) == []
    assert blocks_of(pd.DataFrame({"step__car": [0, 1], "step__dog": [1, 0]})) == []
    steps = pd.DataFrame({"my_step_a__x": [0, 1], "my_step_b__x": [1, 0]})
    assert blocks_of(steps) == []
    apart = pd.DataFrame({"a_x": [0, 1], "other": [0.5, 2.0], "a_y": [1, 0]})
    assert blocks_of(apart) == []


def network(**params):
    defaults = {"hidden_layer_sizes": (5,), "alpha": 1e-3, "feature_groups": "auto"}
    defaults |= {"max_iter": 30, "random_state": 0}
    return MLPRegressor(**defaults | params)


def supports_of_blocks(support, encoded):
    names = list(encoded.columns)
    return [
        {bool(support[names.index(name)]) for name in block}
        for block in blocks_of(encoded)
    ]


def test_blocks_stay_and_go_together():
    steps = {"batch_size": 20, "learning_rate_init": 0.01, "max_iter": 200}
    model = make_pipeline(encoder(), network(feature_alpha=10.0, **steps))
    model.fit(FRAME, TARGET)
    supports = supports_of_blocks(model[-1].support_, model[0].transform(FRAME))
    assert supports == [{True}, {False}]
    # On their own, columns of a block part.
    model.set_params(mlpregressor__feature_groups=None).fit(FRAME, TARGET)
    supports = supports_of_blocks(model[-1].support_, model[0].transform(FRAME))
    assert {True, False} in supports


def test_everything_that_knows_groups_finds_them():
    encoded = encoder().fit_transform(FRAME)
    lists = one_hot_blocks(encoded.to_numpy(), np.array(encoded.columns, dtype=object))
    for make in (
        lambda groups: SparseInputSelector(
            network(feature_groups=groups), n_features_to_select=4
        ),
        lambda groups: StabilitySelection(
            network(feature_groups=groups), threshold=0.6, q=3, n_pairs=2
        ),
    ):
        found, given = make("auto").fit(encoded, TARGET), make(lists)
        assert (found.get_support() == given.fit(encoded, TARGET).get_support()).all()


def test_a_search_behind_an_encoder():
    model = make_pipeline(encoder(), network())
    grid = {"mlpregressor__feature_alpha": [0.1, 10.0]}
    search = GridSearchCV(model, grid, cv=2).fit(FRAME, TARGET)
    assert search.n_batched_ == 2
    best = search.best_params_
    alone = model.set_params(**best).fit(FRAME, TARGET)
    np.testing.assert_allclose(search.predict(FRAME), alone.predict(FRAME), rtol=1e-6)


def test_without_names_it_is_an_error():
    X = encoder().fit_transform(FRAME).to_numpy()
    with pytest.raises(ValueError, match="'auto' finds one-hot columns by their names"):
        network(feature_alpha=0.1).fit(X, TARGET)


def test_a_search_over_ensembles_scales_columns_and_refuses():
    X, y = pd.DataFrame(np.eye(3)[[0, 1, 2] * 9]).add_prefix("a_"), np.arange(27.0)
    space = {"feature_groups": ["auto"], "feature_alpha": [0.1]}
    with pytest.raises(ValueError, match="once they are scaled"):
        MLPRegressorCV(space, cv=2).fit(X, y)
