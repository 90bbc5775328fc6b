"""The numerical core: many networks of one architecture, trained as one.

Nothing here knows scikit-learn. Arrays carry the model axis first:
``params : (n_models, n_params)``; activations are feature-major,
``(n_models, n_units, n_rows)``, so that reductions over units run over an outer
axis. Imports go down only, in the order of `tests/test_imports.py`.
"""
