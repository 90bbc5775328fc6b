"""What pytest does not collect, and what holds for examples of docstrings as well."""

from importlib.util import find_spec

import pytest

import skreg

# The compiled functions need numba.
collect_ignore_glob = [] if find_spec("numba") else ["skreg/_core/compiled/*"]


@pytest.fixture(autouse=True)
def engine_as_it_was():
    """No test or example chooses the engine of those that come after it."""
    with skreg.config_context():
        yield
