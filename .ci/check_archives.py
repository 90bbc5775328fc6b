"""What the wheel and the source archive in dist/ hold, and what they must not."""

import sys
import tarfile
import zipfile
from pathlib import Path

DIST = Path(__file__).resolve().parents[1] / "dist"
READ_BY_TESTS = (
    "README.md",
    "Makefile",
    "tests/conftest.py",
    "docs/mathematics.md",
    "benchmarks/cost.py",
    "demo/tour.py",
    ".ci/run",
    ".github/workflows/tests.yml",
)
BUILT = ("docs/_build/", "docs/auto_gallery/", "docs/api/generated/", "__pycache__/")


def faults_of_wheel(names):
    """Sentences about files that are missing or have no place in a wheel."""
    faults = [
        f"the wheel holds {name}"
        for name in names
        if not name.endswith((".py", "/py.typed")) and ".dist-info/" not in name
    ]
    tops = {name.partition("/")[0].partition("-")[0] for name in names}
    faults += [f"the wheel holds {top}/" for top in sorted(tops - {"skreg"})]
    if "skreg/py.typed" not in names:
        faults.append("the wheel has no skreg/py.typed")
    return faults


def faults_of_source(names):
    """The same for the source archive, whose names begin with its folder."""
    inside = {name.partition("/")[2] for name in names}
    faults = [
        f"the source archive has no {name}"
        for name in READ_BY_TESTS
        if name not in inside
    ]
    faults += [
        f"the source archive holds {name}"
        for name in sorted(inside)
        if any(built in name for built in BUILT) or name.startswith(".venv")
    ]
    return faults


def main():
    """Look at the one wheel and the one archive of dist/."""
    (wheel,) = DIST.glob("*.whl")
    (source,) = DIST.glob("*.tar.gz")
    with zipfile.ZipFile(wheel) as archive:
        in_wheel = archive.namelist()
    with tarfile.open(source) as archive:
        in_source = archive.getnames()
    faults = faults_of_wheel(in_wheel) + faults_of_source(in_source)
    print(f"{wheel.name}: {len(in_wheel)} files, {wheel.stat().st_size // 1024} kB")
    print(f"{source.name}: {len(in_source)} files, {source.stat().st_size // 1024} kB")
    sys.exit("\n".join(faults) or None)


if __name__ == "__main__":
    main()
