"""`python -m skreg` says what a report of a bug should name."""

import platform

import numpy
import sklearn

import skreg
from skreg import __main__ as command


def printed(capsys):
    command.main()
    lines = capsys.readouterr().out.splitlines()
    return dict(line.split(maxsplit=1) for line in lines)


def test_it_prints_the_versions_and_the_documentation(capsys):
    rows = printed(capsys)
    assert rows["skreg"] == skreg.__version__
    assert rows["Python"] == platform.python_version()
    assert rows["numpy"] == numpy.__version__
    assert rows["scikit-learn"] == sklearn.__version__
    assert rows["documentation"].startswith("https://")


def test_it_names_every_requirement_and_the_engine(capsys):
    with skreg.config_context(engine="numpy"):
        rows = printed(capsys)
    names = {"numpy", "scipy", "scikit-learn", "joblib", "threadpoolctl"}
    assert set(command.requirements()) == names <= set(rows)
    assert rows["engine"] == "numpy"


def test_what_is_missing_is_said(capsys, monkeypatch):
    monkeypatch.setattr(command, "OPTIONAL", ("no-such-package",))
    assert printed(capsys)["no-such-package"] == "not installed"
