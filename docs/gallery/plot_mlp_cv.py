"""
What one call has tried
=======================

``MLPClassifierCV().fit(X, y)`` searches the regularization of a network and returns an
ensemble of what it found. What has it tried, what became of each setting, and of what
is the ensemble made?
"""

# %%
# One call
# --------
# Breast tumours are benign or malignant; thirty measurements of their cells, in units
# that differ by factors of thousands, shall tell. Twelve settings of a network are
# tried. All of them are trained on the first fold, the best five on further ones and
# the last three on all eight. To watch the search, ``callback`` is called after each of
# these rungs.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split

from skreg import MLPClassifierCV

X, y = load_breast_cancer(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)
rungs = []


def remember(rung, results):
    rungs.append((np.array(results["n_folds"]), np.array(results["oof_loss"])))


model = MLPClassifierCV(callback=remember, random_state=0).fit(X_train, y_train)
for line in model.summary().splitlines():
    print(line[:110])
print(f"\nout-of-fold accuracy {model.oof_score_:.3f}")
print(f"test accuracy {model.score(X_test, y_test):.3f}")

# %%
# The picture
# -----------
# On the left, each setting is a line that goes on for as long as the setting did. The
# ensemble is made of those in colour, with the weights that are best for the mean; a
# finalist without a weight adds nothing to it. Losses are of the rows of as many folds
# as are written below, so that only those above each other can be compared: the rows of
# the first fold are easier than others.
#
# On the right are the seconds that the training took, by what it was spent on.

results = model.cv_results_
weights, n_folds = results["weight"], results["n_folds"]
in_ensemble = np.argsort(-weights)[: np.count_nonzero(weights)]
palette = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]
colours = dict(zip(in_ensemble, palette, strict=False))

figure, axes = plt.subplots(
    1, 2, figsize=(10, 4.3), width_ratios=[3, 2], layout="constrained"
)
ax = axes[0]
for k in np.argsort(weights, kind="stable"):
    # The last rung that trained this setting.
    last = next(i for i, (folds, _) in enumerate(rungs) if folds[k] == n_folds[k])
    losses = [loss[k] for _, loss in rungs[: last + 1]]
    label = None
    if k in colours:
        layers = " x ".join(map(str, results["params"][k]["hidden_layer_sizes"]))
        label = f"weight {weights[k]:.2f}: units {layers}"
    colour = colours.get(k, "0.65")
    ax.plot(
        range(last + 1), losses, "o-", color=colour, linewidth=2, label=label, zorder=2
    )
ticks = [f"{folds.max()} fold{'s' if folds.max() > 1 else ''}" for folds, _ in rungs]
ax.set_xticks(range(len(rungs)), ticks)
ax.set(
    title="What became of each setting",
    xlabel="loss is of the rows of",
    ylabel="log-loss out of fold",
    ylim=(0, None),
)
ax.legend(loc="lower right", title="in the ensemble")

ax = axes[1]
order = np.argsort(results["rank"])
ax.barh(
    range(len(order)),
    np.array(results["fit_time"])[order],
    color=[colours.get(k, "0.65") for k in order],
)
ax.set_yticks(
    range(len(order)),
    [f"{n_folds[k]} fold{'s' if n_folds[k] > 1 else ''}" for k in order],
)
ax.invert_yaxis()
ax.set(title="What the time was spent on", xlabel="seconds of training")
plt.show()

# %%
# To take home: settings that start badly cost one fold each, and what the best have
# trained is used, because the networks of the ensemble are those of the search.
