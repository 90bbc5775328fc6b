"""
Predicting intervals
====================

A single number does not say how far off it may be. Networks that are trained on
quantiles do: with ``loss="quantile"`` the quantile of 0.05 is the number that one in
twenty patients stays below, and that of 0.95 the number that one in twenty is above.
The two make an interval. Does it hold what it promises, for patients that it has not
seen?
"""

# %%
# Three quantiles
# ---------------
# The progression of diabetes; a third of the patients is kept for the test. A scaler, a
# network with early stopping, and a mean over eight folds. One network predicts all
# three quantiles, in columns that never cross.

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPRegressor
from skreg.ensemble import FoldEnsembleRegressor

X, y = load_diabetes(return_X_y=True, scaled=False)
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 3, random_state=0
)

network = MLPRegressor(
    (50,),
    loss="quantile",
    quantile=[0.05, 0.5, 0.95],
    alpha=0.01,
    normalize_y=True,
    early_stopping=True,
)
ensemble = FoldEnsembleRegressor(
    make_pipeline(StandardScaler(), network), random_state=0
).fit(X_train, y_train)
out_of_fold = ensemble.oof_prediction_
low, median, high = ensemble.predict(X_test).T

# %%
# Do they hold what they promise?
# -------------------------------
# Nine in ten new patients shall be within the interval, one in twenty below it and one
# in twenty above. Networks are a little too sure of themselves: what they have learned
# of the training rows by heart is of no use for others.


def print_coverage(low, high):
    is_below, is_above = y_test < low, y_test > high
    is_within = ~(is_below | is_above)
    print(f"below the interval  {is_below.mean():6.1%}  (5 % were asked for)")
    print(f"within              {is_within.mean():6.1%}  (90 %)")
    print(f"above               {is_above.mean():6.1%}  (5 %)")
    print(f"mean width          {np.mean(high - low):6.0f}\n")


print_coverage(low, high)
chance = np.sqrt(0.9 * 0.1 / len(y_test))
print(f"chance moves the share within, of {len(y_test)} patients, by {chance:.1%}")

# %%
# By how much too sure can be said without the test rows. For each training row there is
# a prediction of the network that has not seen it. How far must all intervals be
# widened so that they contain nine in ten of these rows? (Conformalized quantile
# regression: Romano, Patterson and Candès 2019, here with folds.)

beyond = np.maximum(out_of_fold[:, 0] - y_train, y_train - out_of_fold[:, -1])
margin = np.quantile(beyond, 0.9)
print(f"to be widened by {margin:.1f} at both ends\n")
low, high = low - margin, high + margin
print_coverage(low, high)

# %%
# The networks were a little too sure of themselves. The share of the test patients
# within the widened intervals is about as near to 90 % as chance permits. A little of
# what is missing may be that the rows which stop a network also judge it here.

# %%
# The picture
# -----------
# The test patients, sorted by the median that is predicted for them, with the widened
# intervals. These are wide, which is the truth about ten measurements and a disease.

order = np.argsort(median)
ranks = np.arange(len(order))
is_out = ((y_test < low) | (y_test > high))[order]
figure, ax = plt.subplots(figsize=(8.5, 4.3), layout="constrained")
ax.vlines(
    ranks,
    low[order],
    high[order],
    color="#56B4E9",
    linewidth=3,
    label="interval for 90 %",
)
ax.plot(ranks, median[order], color="#004B75", linewidth=2, label="median")
for chosen, colour, marker, label in (
    (~is_out, "0.25", "o", "patients within"),
    (is_out, "#D55E00", "D", "patients outside"),
):
    ax.scatter(
        ranks[chosen],
        y_test[order][chosen],
        s=14,
        color=colour,
        marker=marker,
        zorder=3,
        label=label,
    )
ax.set(
    title=f"{1 - is_out.mean():.0%} of the test patients are within intervals for 90 %",
    xlabel="test patients, by their predicted median",
    ylabel="disease progression",
)
ax.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
plt.show()

# %%
# To take home: quantiles make intervals that follow the patients, and rows that the
# networks have not seen say whether they are wide enough. Measure the coverage before
# you trust it.
