"""
A table with categories and gaps
================================

Tables of real life have columns of words, values that are missing, and a class that is
rare. scikit-learn's transformers make numbers of the first two, and the network takes
class weights for the third. What belongs together in the table, such as the columns
that encode one category, can stay together in the network.
"""

# %%
# The table
# ---------
# scikit-learn brings no such table along, so one is made of its diabetes: the sex
# becomes words (the source does not say which code is which), the body mass index the
# four classes of the World Health Organization, and one in ten of all values is removed
# at random. The question is whose disease progresses fast: the upper seventh.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.impute import SimpleImputer
from sklearn.metrics import recall_score
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from skreg import MLPClassifier

table, progression = load_diabetes(return_X_y=True, as_frame=True, scaled=False)
table["sex"] = table["sex"].map({1: "code 1", 2: "code 2"}).astype(object)
table["bmi"] = pd.cut(
    table["bmi"],
    [0, 18.5, 25, 30, 100],
    labels=["underweight", "normal", "overweight", "obese"],
).astype(object)
rng = np.random.default_rng(0)
table = table.mask(rng.random(table.shape) < 0.1)
is_fast = (progression > progression.quantile(6 / 7)).to_numpy()
print(table.head())
print(f"\n{is_fast.sum()} of {len(is_fast)} patients are fast")

# %%
# From words to columns
# ---------------------
# A gap in a column of words is a category of its own; gaps among numbers are filled
# with the median. The names of the columns that this makes say which ones belong to the
# same column of the table.

words = ["sex", "bmi"]
numbers = [name for name in table if name not in words]
prepare = make_column_transformer(
    (OneHotEncoder(sparse_output=False), words),
    (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
    verbose_feature_names_out=False,
).set_output(transform="pandas")
columns = prepare.fit(table).get_feature_names_out()
sources = [name.split("_")[0] for name in columns]
print(*(f"{a:<4} {b}" for a, b in zip(sources, columns, strict=True)), sep="\n")

# %%
# The network
# -----------
# ``class_weight="balanced"`` gives both classes the same weight in the loss.
# ``feature_alpha`` removes columns that are not worth their penalty, and
# ``feature_groups`` sees to it that the columns of one category stay or leave together.
# Predictions are those of five-fold cross-validation.


def model(**params):
    network = MLPClassifier(
        (20,),
        alpha=1e-2,
        learning_rate_init=0.01,
        early_stopping=True,
        max_iter=100,
        random_state=0,
        **params,
    )
    return make_pipeline(prepare, network)


models = {
    "classes as they are": model(),
    "balanced classes": model(class_weight="balanced"),
    "balanced, fewer columns": model(
        class_weight="balanced", feature_alpha=15, feature_groups=sources
    ),
}
shares = {}
for name, each in models.items():
    guess = cross_val_predict(each, table, is_fast)
    shares[name] = recall_score(is_fast, guess), recall_score(~is_fast, ~guess)
    print(f"{name:<28} finds {shares[name][0]:.0%} of the fast and ", end="")
    print(f"{shares[name][1]:.0%} of the other patients")

sparse = models["balanced, fewer columns"].fit(table, is_fast)[-1]
stays = [source for source in table if sparse.support_[sources.index(source)]]
print("columns of the table that stay:", ", ".join(stays))

# %%
# The picture
# -----------
# Left: with classes as they are, a network that calls nearly everybody slow is right
# most of the time, and finds few of those whom the question is about. Balanced weights
# trade some of the many for most of the few. Right: what is left in the network of the
# columns; those of the body mass index stay together, and those of the sex leave
# together.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.3), layout="constrained")
ax = axes[0]
for k, (label, colour) in enumerate(
    (("of the fast patients", "#D55E00"), ("of the other patients", "#0072B2"))
):
    bars = ax.bar(
        np.arange(len(shares)) + 0.4 * (k - 0.5),
        [100 * each[k] for each in shares.values()],
        width=0.38,
        color=colour,
        label=label,
    )
    ax.bar_label(bars, fmt="%.0f")
ax.set_xticks(range(len(shares)), [name.replace(" ", "\n", 1) for name in shares])
ax.set(title="Who is recognized", ylabel="recognized [%]", ylim=(0, 125))
ax.set_yticks(range(0, 101, 20))
ax.legend(loc="upper center", ncols=2, fontsize="small")

ax = axes[1]
places = np.arange(len(columns))
ax.barh(places, sparse.feature_importances_, color="#0072B2")
for place in places[~sparse.support_]:
    ax.text(0.01, place, "left the network", va="center", fontsize="small", color="0.4")
ax.set_yticks(places, columns)
ax.invert_yaxis()
ax.set(title="What the columns weigh", xlabel="norm of the column's weights")
plt.show()

# %%
# To take home: everything that looks at the data is inside of the pipeline, so that
# cross-validation repeats it, and the names go through to the network.
