"""`python -m skreg`: the versions that a report of a bug should name.

The tour on real data is `make demo` in the repository.
"""

import platform
from importlib.metadata import PackageNotFoundError, metadata, requires, version

from . import __version__, get_config

__all__ = ["main"]

# What makes a difference where it is installed.
OPTIONAL = ("numba", "matplotlib", "pandas", "polars", "imbalanced-learn")


def version_of(package):
    """The version of an installed package, or that it is none."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def requirements():
    """The names of the packages that skreg does not run without."""
    named = [line for line in requires("skreg") or [] if "extra ==" not in line]
    return [line.partition(">=")[0].strip() for line in named]


def addresses():
    """The project's addresses by what they lead to, such as "Documentation"."""
    lines = metadata("skreg").get_all("Project-URL") or []
    return dict(line.split(", ", 1) for line in lines)


def main():
    """Print the versions, the engine and where the documentation is."""
    rows = {"skreg": __version__, "Python": platform.python_version()}
    rows |= {name: version_of(name) for name in (*requirements(), *OPTIONAL)}
    rows |= {"platform": platform.platform(), "engine": get_config()["engine"]}
    rows["documentation"] = addresses()["Documentation"]
    width = max(map(len, rows)) + 2
    for name, value in rows.items():
        print(f"{name:{width}}{value}")


if __name__ == "__main__":
    main()
