"""
Which measurements are needed
=============================

A tumour of the breast has thirty measurements in scikit-learn's table. How many of them
does a network need to tell a malignant one, and which? The path from all inputs to none
answers both, by name.
"""

# %%
# A table with names
# ------------------
# The columns come as a pandas frame. With ``set_output`` the steps of a pipeline hand
# on frames as well, so that the names stay.

import matplotlib.pyplot as plt
from sklearn.datasets import load_breast_cancer
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skreg import MLPClassifier
from skreg.feature_selection import SparseInputSelector
from skreg.inspection import FeaturePathDisplay

X, y = load_breast_cancer(return_X_y=True, as_frame=True)
X_train, X_test, y_train, y_test = train_test_split(X, y, stratify=y, random_state=0)

# %%
# The pipeline
# ------------
# :class:`~skreg.feature_selection.SparseInputSelector` trains the network on all
# inputs. Then a penalty on whole inputs rises, and one after the other leaves for good.
# How many to keep is chosen by cross-validation: ``"1se"``, the default, is the
# smallest number whose score is within one standard error of the best. The network
# behind the selector is trained anew on what is left.

network = MLPClassifier(learning_rate_init=0.01, tol=1e-3, max_iter=300, random_state=0)
model = make_pipeline(
    StandardScaler(),
    SparseInputSelector(network),
    MLPClassifier(early_stopping=True, random_state=0),
)
model.set_output(transform="pandas").fit(X_train, y_train)
all_inputs = make_pipeline(
    StandardScaler(), MLPClassifier(early_stopping=True, random_state=0)
).fit(X_train, y_train)

names = model[:-1].get_feature_names_out()
print(f"with all 30 inputs: test accuracy {all_inputs.score(X_test, y_test):.3f}")
print(f"with {len(names)} inputs:      test accuracy {model.score(X_test, y_test):.3f}")
print("they are:", *names, sep="\n    ")

# %%
# The picture
# -----------
# From all inputs on the left to the last one on the right. The names above are those of
# the inputs that leave last, each where it is the next to leave.

figure, ax = plt.subplots(figsize=(8, 5), layout="constrained")
FeaturePathDisplay.from_estimator(model).plot(ax=ax)
ax.set_ylabel("accuracy")
plt.show()

# %%
# To take home: a few inputs say nearly all. What the others add is printed above, and
# whether it is worth measuring them is for who measures. Of inputs that say about the
# same, as radius, perimeter and area do, one stays, and other rows may choose another:
# the choice belongs into the pipeline, so that cross-validation repeats it.
