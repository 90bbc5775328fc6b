"""
An ensemble over folds, and what its spread means
=================================================

An ensemble over folds cuts the rows into folds and trains a network without each of
them, which that fold stops. What it predicts is the mean of these networks. How much
better is the mean than its members? And does the spread of the members say how far off
a prediction is?
"""

# %%
# Eight networks
# --------------
# The diabetes of 442 patients, a quarter of whom are kept for the test. The ensemble
# has a score without any rows set aside: each training row is predicted by the member
# that has not seen it.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split

from skreg.ensemble import FoldEnsembleRegressor

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=1)

ensemble = FoldEnsembleRegressor(random_state=0).fit(X_train, y_train)
members = [member.predict(X_test) for member in ensemble.estimators_]


def error(prediction):
    return np.sqrt(np.mean((y_test - prediction) ** 2))


print(f"out-of-fold R2 of the ensemble: {ensemble.oof_score_:.3f}")
print(f"test R2 of the ensemble:        {ensemble.score(X_test, y_test):.3f}")
print("test errors of its members:    ", *(f"{error(each):.1f}" for each in members))
print(f"mean of these:                  {np.mean([error(m) for m in members]):.1f}")
print(f"test error of the ensemble:     {error(ensemble.predict(X_test)):.1f}")

# %%
# What return_std is not
# ----------------------
# ``predict(X, return_std=True)`` adds the standard deviation of the members. It says
# where they disagree. It does not say how far a patient is from the prediction, because
# what no network can know of a patient is not in it, and neither is what all members
# have wrong in common.

prediction, spread = ensemble.predict(X_test, return_std=True)
is_within = np.abs(y_test - prediction) <= 2 * spread
print(f"within two standard deviations: {is_within.mean():.0%} of the test patients")

# %%
# Where the members disagree
# --------------------------
# They disagree most where there were few rows. To see it, a second ensemble knows
# nothing but the body mass index, and it is asked beyond the patients that it was
# trained on.

by_index = FoldEnsembleRegressor(random_state=0).fit(X_train[["bmi"]], y_train)
index = np.linspace(12, 50, 300)
grid = X_train[["bmi"]].iloc[:0].reindex(range(300)).assign(bmi=index)
mean, std = by_index.predict(grid, return_std=True)

figure, axes = plt.subplots(1, 2, figsize=(10, 4.3), layout="constrained")
ax = axes[0]
ax.scatter(X_train["bmi"], y_train, s=8, color="0.7", label="training patients")
for k, member in enumerate(by_index.estimators_):
    ax.plot(
        index,
        member.predict(grid),
        color="#0072B2",
        alpha=0.5,
        linewidth=0.8,
        label="members" if k == 0 else None,
    )
ax.fill_between(
    index,
    mean - 2 * std,
    mean + 2 * std,
    color="#56B4E9",
    alpha=0.35,
    linewidth=0,
    label="mean ± 2 standard deviations",
)
ax.plot(index, mean, color="#0072B2", linewidth=2.5, label="mean")
ax.set(
    title="The members part where patients are few",
    xlabel="body mass index [kg/m²]",
    ylabel="disease progression",
    ylim=(0, 560),
)
ax.legend(loc="upper left", fontsize="small")

ax = axes[1]
order = np.argsort(prediction)
ranks = np.arange(len(order))
ax.vlines(
    ranks,
    (prediction - 2 * spread)[order],
    (prediction + 2 * spread)[order],
    color="#56B4E9",
    linewidth=3,
    label="± 2 standard deviations of the members",
)
ax.plot(ranks, prediction[order], color="#0072B2", linewidth=2, label="prediction")
ax.scatter(ranks, y_test.iloc[order], s=12, color="#D55E00", label="test patients")
ax.set(
    title=f"{is_within.mean():.0%} of the test patients are within the spread",
    xlabel="test patients, by what is predicted",
    ylim=(0, 560),
)
ax.legend(loc="upper left", fontsize="small")
plt.show()

# %%
# To take home: the mean is better than its members, for the price of eight trainings.
# The spread is a warning where the ensemble knows little, as on the right of the left
# picture. For an interval that shall contain new patients, train on quantiles, as
# ``plot_intervals.py`` does.
