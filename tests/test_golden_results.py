"""Seventy fits come out as they are on record; see `golden_results.py`."""

import json

import pytest
from golden_results import CASES, RECORD, largest_difference, results_of

RECORDED = json.loads(RECORD.read_text())


def test_every_case_is_on_record():
    assert list(RECORDED) == list(CASES)


@pytest.mark.both_engines
@pytest.mark.parametrize("name", CASES)
def test_results_are_those_on_record(name):
    tolerance = 1e-5 if "float32" in name else 1e-10
    found = results_of(name)
    assert found.keys() == RECORDED[name].keys()
    for what, recorded in RECORDED[name].items():
        difference = largest_difference(found[what], recorded)
        assert difference <= tolerance, f"{what} differs by {difference:.1e}"
