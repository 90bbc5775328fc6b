"""
A grid of penalties, all candidates at once
===========================================

How strong should the penalty be, and how much of it L1? A grid search tries all pairs.
:class:`skreg.model_selection.GridSearchCV` has the arguments and the results of
scikit-learn's, but trains the candidates side by side, as one batched network. Does it
find the same, and how much time does it save?
"""

# %%
# The grid
# --------
# Breast cancer: 569 tumours, a quarter of which is kept for the test.
# :func:`~skreg.model_selection.alpha_grid` finds the range: from the strength at which
# a linear model would predict a constant, downwards. Early stopping keeps the best
# epoch of each candidate.

import time
import warnings

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg.inspection import PenaltyGridDisplay
from skreg.model_selection import GridSearchCV, alpha_grid

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
network = MLPClassifier((16,), early_stopping=True, max_iter=100, random_state=0)
model = make_pipeline(StandardScaler(), network)
grid = {
    "mlpclassifier__alpha": alpha_grid(model, X_train, y_train, n_alphas=7),
    "mlpclassifier__l1_ratio": [0, 0.25, 0.5, 0.75, 1],
}
options = {"scoring": "neg_log_loss", "cv": 3}

# Functions are compiled when they are first needed; that is not to be measured.
model = model.fit(X_train, y_train)

# %%
# Two searches
# ------------
# Both train the same network of skreg, on one core, one after the other. What is
# measured is what it brings to train the candidates side by side. A warning for each
# network that the strongest penalties kill would be no news.

warnings.simplefilter("ignore", ConvergenceWarning)
seconds, searches = {}, {}
for name, search_class in {
    "scikit-learn's GridSearchCV": SklearnGridSearchCV,
    "skreg's GridSearchCV": GridSearchCV,
}.items():
    start = time.perf_counter()
    searches[name] = search_class(model, grid, **options).fit(X_train, y_train)
    seconds[name] = time.perf_counter() - start
    print(f"{name:<28} {seconds[name]:5.1f} s")

theirs, ours = searches.values()
print(f"ratio of the times: {np.divide(*seconds.values()):.1f}")
print(f"in lockstep: {ours.n_batched_} of {len(ours.cv_results_['params'])} candidates")
difference = np.abs(
    ours.cv_results_["mean_test_score"] - theirs.cv_results_["mean_test_score"]
)
print(f"largest difference of the scores: {difference.max():.1g}")
print(f"the same choice: {ours.best_params_ == theirs.best_params_}")

# %%
# The picture
# -----------
# Bright fields are good ones. Networks with the strongest penalties are far below the
# others and grey. The red square marks the choice; weaker penalties and stronger ones
# are both worse, so that the grid is wide enough.

figure, ax = plt.subplots(figsize=(8, 4.5), layout="constrained")
PenaltyGridDisplay.from_estimator(ours).plot(ax=ax)
best = {name.split("__")[1]: value for name, value in ours.best_params_.items()}
ax.set(xlabel="l1_ratio (share of L1)", ylabel="alpha (strength)")
ax.set_title(f"choice: alpha={best['alpha']:.2g}, l1_ratio={best['l1_ratio']}")
plt.show()
print(f"test log-loss of the choice: {-ours.score(X_test, y_test):.3f}")

# %%
# To take home: the results are those of scikit-learn's search, so that there is nothing
# to lose. What is gained is most where networks are small and candidates many; large
# layers are matrix products, which take the same time everywhere.
