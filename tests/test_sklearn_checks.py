"""scikit-learn's checks of estimators: all of them, with no failure expected."""

import pytest
from sklearn.utils import estimator_checks
from sklearn.utils.estimator_checks import parametrize_with_checks

from skreg import MLPClassifier, MLPRegressor

# A few epochs are enough for what the checks look at; a check that needs an optional
# package says that it skips by a warning.
pytestmark = pytest.mark.filterwarnings(
    "ignore::sklearn.exceptions.ConvergenceWarning",
    "ignore::sklearn.exceptions.SkipTestWarning",
)

# No dropout: it draws a mask for every row, so that a row of weight two is not the same
# as the row twice, which one check asks for. L-BFGS has few iterations or a strong
# penalty: the same check compares to 1e-7, beyond what rounding leaves of a long run.
ESTIMATORS = [
    MLPClassifier(),
    MLPClassifier(
        hidden_layer_sizes=(20, 10),
        activation="tanh",
        alpha=1e-3,
        l1_ratio=0.5,
        learning_rate_init=0.01,
        max_iter=50,
    ),
    MLPClassifier(
        solver="sgd",
        learning_rate="adaptive",
        learning_rate_init=0.1,
        l1_ratio=1.0,
        max_iter=50,
    ),
    MLPClassifier(hidden_layer_sizes=20, solver="lbfgs", alpha=0.1, max_iter=50),
    MLPClassifier(hidden_layer_sizes=(), solver="lbfgs", alpha=0.01, l1_ratio=1.0),
    MLPRegressor(),
    MLPRegressor(hidden_layer_sizes=20, solver="lbfgs", alpha=0.1, max_iter=20),
    MLPRegressor(
        solver="sgd",
        loss="huber",
        activation="logistic",
        learning_rate_init=0.05,
        l1_ratio=0.5,
        max_iter=100,
    ),
    MLPRegressor(loss="absolute_error", learning_rate_init=0.01, max_iter=100),
]


@parametrize_with_checks(ESTIMATORS)
def test_check(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=repr)
@pytest.mark.parametrize(
    "name",
    [
        # Public checks that `parametrize_with_checks` does not yield.
        "check_param_validation",
        "check_dataframe_column_names_consistency",
        "check_inplace_ensure_writeable",
    ],
)
def test_check_that_is_not_yielded(name, estimator):
    if name == "check_dataframe_column_names_consistency":
        pytest.importorskip("pandas")
    getattr(estimator_checks, name)(type(estimator).__name__, estimator)
