"""
A timeline of a search
======================

A search over penalties trains many networks. When is each of them trained, by
which of two workers, and what is gained by training them side by side? Two searches of
the same candidates are put under the clock.
"""

# %%
# A clock among the scores
# ------------------------
# Scores of a search may be several numbers, by any function. This one adds the time at
# which a network was scored, and the number of the process that did it. So the table of
# results says when each network was done.

import os
import time

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV as SklearnGridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg.model_selection import GridSearchCV


def loss_and_clock(model, X, y):
    loss = log_loss(y, model.predict_proba(X))
    return {"neg_log_loss": -loss, "time": time.time(), "worker": os.getpid()}


X, y = load_breast_cancer(return_X_y=True)
network = MLPClassifier((16,), early_stopping=True, max_iter=60, random_state=0)
model = make_pipeline(StandardScaler(), network)
grid = {
    "mlpclassifier__alpha": np.logspace(-5, -2, 6),
    "mlpclassifier__l1_ratio": [0, 0.5, 1],
}
options = {"scoring": loss_and_clock, "refit": False, "cv": 5, "n_jobs": 2}

# %%
# Two searches
# ------------
# Both have 18 candidates and five folds, that is 90 trainings, and both train the same
# networks of skreg. Workers take some seconds to start, which has nothing to do with
# the search; a first, small one starts them for both.

short = {"mlpclassifier__alpha": [1e-5, 1e-4], "mlpclassifier__max_iter": [2]}
searches, starts = {}, {}
for name, search_class in {
    "scikit-learn's GridSearchCV": SklearnGridSearchCV,
    "skreg's GridSearchCV": GridSearchCV,
}.items():
    search_class(model, short, **options).fit(X, y)
    starts[name] = time.time()
    searches[name] = search_class(model, grid, **options).fit(X, y)


def timeline(name):
    """For each worker the seconds at which its networks were scored, in order."""
    results = searches[name].cv_results_
    ends, workers = (
        np.ravel([results[f"split{k}_test_{what}"] for k in range(5)])
        for what in ("time", "worker")
    )
    ends = ends - starts[name]
    return [np.sort(ends[workers == worker]) for worker in np.unique(workers)]


timelines = {name: timeline(name) for name in searches}
seconds = {name: max(map(np.max, lines)) for name, lines in timelines.items()}
for name, last in seconds.items():
    print(f"{name:<28} last network scored after {last:.2f} s")
print(f"ratio: {np.divide(*seconds.values()):.1f}")
theirs, ours = (
    each.cv_results_["mean_test_neg_log_loss"] for each in searches.values()
)
print(f"largest difference of the losses: {np.abs(theirs - ours).max():.1g}")

# %%
# The picture
# -----------
# A bar reaches from what its worker had done before to what it does then. In
# scikit-learn's search each bar is one network. In that of skreg it is a batch: many
# networks, of several penalties and folds, share each step of training. They are done
# together and scored right after each other. Their number is written in the bar; marks
# above are the times of scoring.

figure, axes = plt.subplots(2, 1, figsize=(9, 4.5), sharex=True, layout="constrained")
colours = ["#56B4E9", "#B3DDF5"]
for ax, (name, lines) in zip(axes, timelines.items(), strict=True):
    for lane, ends in enumerate(lines):
        gaps = np.diff(ends, prepend=0)
        # Networks of a batch are scored right after each other.
        begins_batch = gaps > gaps.max() / 5
        begins_batch[0] = True
        if name.startswith("scikit-learn"):
            begins_batch[:] = True
        firsts = np.flatnonzero(begins_batch)
        sizes = np.diff(firsts, append=len(ends))
        lasts = firsts + sizes - 1
        left = np.concatenate([[0], ends[lasts[:-1]]])
        for k, (begin, end, size) in enumerate(
            zip(left, ends[lasts], sizes, strict=True)
        ):
            ax.barh(lane, end - begin, left=begin, height=0.7, color=colours[k % 2])
            if size > 1:
                ax.text((begin + end) / 2, lane, size, ha="center", va="center")
        ax.plot(ends, np.full(len(ends), lane + 0.42), "|", color="black", markersize=4)
    ax.set_yticks(range(len(lines)), [f"worker {k + 1}" for k in range(len(lines))])
    ax.set_title(f"{name}: {seconds[name]:.2f} s", loc="left")
axes[1].set_xlabel("seconds since the search began")
plt.show()

# %%
# To take home: the losses are the same, and the time is not. In small networks most of
# a step is what surrounds the arithmetic, and networks that are trained side by side
# share it.
