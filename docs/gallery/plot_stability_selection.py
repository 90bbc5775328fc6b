"""
Telling inputs from noise
=========================

Which inputs carry information, and which were only chosen by luck? Stability selection
asks many halves of the rows, keeps what most of them agree on, and says how many false
inputs to expect among them. To see whether it can be believed, columns of noise are
added, of which we know that they say nothing.
"""

# %%
# Ten measurements, and ten that are shuffled
# -------------------------------------------
# Each column of scikit-learn's table of diabetes is there twice: as it is, and
# shuffled, each by itself. The shuffled ones have the same values, in the same number,
# and belong to other patients.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPRegressor
from skreg.feature_selection import StabilitySelection
from skreg.inspection import StabilityDisplay

X, y = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
rng = np.random.default_rng(0)
shuffled = X.apply(lambda column: rng.permutation(column)).add_prefix("shuffled ")
X = pd.concat([X, shuffled], axis=1)

# %%
# Forty halves
# ------------
# Each half of the patients trains a network and names the ``q=4`` inputs that it gives
# up last. An input is selected if at least 80 percent of the halves name it; how many
# selected ones are expected to be no better than chance follows from that.

network = MLPRegressor(
    (20,),
    alpha=1e-2,
    learning_rate_init=0.01,
    normalize_y=True,
    tol=1e-3,
    max_iter=200,
    random_state=0,
)
selection = StabilitySelection(network, q=4, threshold=0.8, n_pairs=20, random_state=0)
model = make_pipeline(StandardScaler(), selection).set_output(transform="pandas")
model.fit(X, y)

names = model.get_feature_names_out()
print("selected:", ", ".join(names))
print(f"false ones to expect, at most: {selection.expected_false_selections_:.2f}")
is_shuffled = X.columns.str.startswith("shuffled")
print(f"selected shuffled columns: {np.sum(selection.support_ & is_shuffled)}")
print(f"their highest score: {selection.stability_scores_[is_shuffled].max():.2f}")

# %%
# The picture
# -----------
# Blue bars are selected. No shuffled column comes near to the threshold; some of the
# real ones do not either, which does not prove that they say nothing: s1 to s6 are
# measurements of the same blood, and where two say the same, each half needs only one.

figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
StabilityDisplay.from_estimator(model).plot(ax=ax)
ax.set_xlabel("share of halves that select it (dashed: the threshold)")
plt.show()

# %%
# To take home: a single path would have named four inputs of any table, also of noise.
# What many halves agree on is few, and can be relied on.
