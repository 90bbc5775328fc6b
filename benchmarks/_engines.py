"""What benchmarks of skreg's engines share: a call by each engine, and taking turns."""

import importlib.metadata
import platform
import time
from importlib.util import find_spec

import numpy as np

import skreg

# Those that can be had, in the order of the columns.
ENGINES = ("compiled", "numpy") if find_spec("numba") else ("numpy",)
NAMES = {"compiled": "skreg compiled", "numpy": "skreg NumPy"}
SCIKIT_LEARN = "scikit-learn"


def trained_by(engine, function, *args):
    """A call of a function in which this engine trains."""

    def call():
        with skreg.config_context(engine=engine):
            return function(*args)

    return call


def by_each_engine(function, *args):
    """Such a call for each engine, by its name."""
    return {NAMES[engine]: trained_by(engine, function, *args) for engine in ENGINES}


def in_turn(calls, repeats, clock=time.process_time):
    """The seconds of calls that take turns.

    Parameters
    ----------
    calls : dict of str to callable
    repeats : int
        The number of rounds, in each of which every call has one turn.
    clock : callable, default=time.process_time

    Returns
    -------
    dict of str to ndarray of shape (repeats,)
    """
    seconds = {name: [] for name in calls}
    for _ in range(repeats):
        for name, call in calls.items():
            started = clock()
            call()
            seconds[name].append(clock() - started)
    return {name: np.array(values) for name, values in seconds.items()}


def row(cells):
    """A row of a Markdown table."""
    return "| " + " | ".join(map(str, cells)) + " |"


def header(columns):
    """The two lines that a Markdown table begins with."""
    return row(columns) + "\n" + "|---" * len(columns) + "|"


def ratio_names(pairs):
    """The columns of ratios: ``a / b`` for each pair of names."""
    return [f"{a} / {b}" for a, b in pairs]


def versions(*others):
    """Those of Python and of the packages that times depend on, and of others."""
    packages = ["scikit-learn", "NumPy", "SciPy"]
    packages += ["numba", *others] if "compiled" in ENGINES else others
    parts = [f"{name} {importlib.metadata.version(name.lower())}" for name in packages]
    return ", ".join([*parts, f"Python {platform.python_version()}"])
