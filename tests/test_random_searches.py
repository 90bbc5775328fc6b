"""Every row of a random search equals the same estimator trained alone.

A small part of what ``python tests/random_searches.py`` runs.
"""

import pytest
from random_searches import RandomSearch, differences


@pytest.mark.parametrize("seed", range(40))
def test_every_row_equals_training_alone(seed):
    assert differences(RandomSearch.draw(seed, n_jobs=1)) == []


@pytest.mark.parametrize("seed", [44, 47])
def test_every_row_equals_training_alone_on_two_workers(seed):
    assert differences(RandomSearch.draw(seed, n_jobs=2)) == []
