"""Results are short where they are looked at."""

import numpy as np
import pytest
from helpers import NETWORK, make_data, updates_per_point

from skreg import MLPClassifier, MLPRegressor
from skreg._utils.tables import spread_out, text_table
from skreg.diagnosis import bias_variance_decomposition, diagnose
from skreg.feature_selection import SparseInputSelector, feature_path

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = make_data()
NET = MLPClassifier(**NETWORK | {"max_iter": 5})
quick_paths = updates_per_point(5)


def the_path(with_names=False):
    X_here = X
    if with_names:
        pd = pytest.importorskip("pandas")
        X_here = pd.DataFrame(X, columns=[f"<{j}>" for j in range(10)])
    return feature_path(NET, X_here, Y, X_val=X_here, y_val=Y)


RESULTS = {
    "path": the_path,
    "selector's path": lambda: (
        SparseInputSelector(NET, n_features_to_select=2).fit(X, Y).path_
    ),
    "diagnosis": lambda: diagnose(NET, X, Y, cv=2, target_error=0.0, random_state=0),
    "decomposition": lambda: bias_variance_decomposition(
        NET, X, Y, X_test=X, y_test=Y, n_rounds=3, random_state=0
    ),
}


@pytest.mark.parametrize("what", RESULTS)
def test_short_where_people_look(what):
    result = RESULTS[what]()
    assert len(repr(result)) < 250 and "\n" not in repr(result)
    assert repr(result).startswith(type(result).__name__ + "(")
    assert len(str(result).splitlines()) < 40
    html = result._repr_html_()
    assert html.count("<table>") == html.count("</table>") >= 1
    assert html.count("<tr>") < 40
    assert "array(" not in repr(result) + str(result) + html


def test_a_path_of_many_inputs_is_a_small_table():
    rng = np.random.default_rng(0)
    many = rng.normal(size=(60, 200))
    net = MLPRegressor((3,), alpha=1e-2, max_iter=3, learning_rate_init=0.05)
    path = feature_path(net, many, many[:, 0])
    lines = str(path).splitlines()
    assert len(lines) <= 12 and max(map(len, lines)) < 80
    assert "200 inputs" in lines[0]
    assert lines[2].split()[0] == "200" and lines[-1].split()[0] == "0"


def test_what_a_path_says():
    path = the_path()
    header, *rows = [line.split() for line in str(path).splitlines()[1:]]
    assert "validation" in header
    for row in rows[:-1]:
        size = int(row[0])
        point = path.point_of(size)
        assert row[1] == f"{path.feature_alphas[point]:.3g}"
        assert row[2] == f"{path.train_scores[point]:.3g}"
        assert path.ranking[int(row[-1].removeprefix("x"))] == size


def test_names_in_a_path():
    path = the_path(with_names=True)
    assert path.feature_names.tolist() == [f"<{j}>" for j in range(10)]
    best = f"<{path.ranking.argmin()}>"
    assert best in str(path).splitlines()[-2]
    assert best not in path._repr_html_()
    assert best.replace("<", "&lt;").replace(">", "&gt;") in path._repr_html_()


def test_tables():
    assert text_table(["a", "bcd"], [[10, 2], [3, "x"]]) == " a  bcd\n10    2\n 3    x"
    assert spread_out(range(100), 4) == [0, 33, 66, 99]
    assert spread_out([5, 6], 4) == [5, 6]
