"""How Sphinx builds the site: `make docs`. Nothing is downloaded while it builds."""

import sys
from pathlib import Path

import skreg
from skreg._utils.presentation import SITE

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "_ext"))

project = "skreg"
author = "skreg developers"
copyright = author
version = release = skreg.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_parser",
    "sphinx_gallery.gen_gallery",
    "sphinx_design",
    "sphinx_copybutton",
    "repository_links",
]
# gallery/ is read by sphinx-gallery, which makes auto_gallery/ of it.
exclude_patterns = ["_build", "_ext", "_templates", "gallery"]
templates_path = ["_templates"]
# A single backtick in a docstring is code.
default_role = "literal"
nitpicky = True
# 'adam' is a value, and its quotes are those of Python.
smartquotes = False
toc_object_entries_show_parents = "hide"

# -- pages in Markdown -----------------------------------------------------------------

myst_enable_extensions = ["colon_fence"]
# Links to headings, by the anchors that GitHub gives them.
myst_heading_anchors = 4

# -- the reference ---------------------------------------------------------------------

autosummary_generate = True
# What a module offers is imported into it from private modules.
autosummary_imported_members = True
autodoc_typehints = "none"
# The templates list the methods.
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False

# -- the gallery -----------------------------------------------------------------------

sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "auto_gallery",
    "filename_pattern": r"plot_",
    # A script runs again when its text changes: its checksum lies in auto_gallery/.
    "abort_on_example_error": False,
    "backreferences_dir": "auto_gallery/backreferences",
    "doc_module": ("skreg",),
    "reference_url": {"skreg": None},
    "within_subsection_order": "FileNameSortKey",
    "download_all_examples": False,
    "remove_config_comments": True,
    "show_signature": False,
    "min_reported_time": 5,
}

# -- how it looks ----------------------------------------------------------------------

html_theme = "pydata_sphinx_theme"
html_title = "skreg"
html_baseurl = SITE
html_static_path = ["_static"]
html_css_files = ["skreg.css"]
html_show_sourcelink = False
html_sidebars = {
    "index": [],
    "getting_started": [],
    "benchmarks": [],
    "faq": [],
}
html_theme_options = {
    "logo": {"text": "skreg"},
    "github_url": "https://github.com/skreg/skreg",
    "header_links_before_dropdown": 8,
    "navbar_persistent": ["search-button"],
    "show_prev_next": True,
    "navigation_with_keys": False,
    "use_edit_page_button": False,
    "footer_start": ["copyright"],
    "footer_end": ["theme-version"],
    "secondary_sidebar_items": ["page-toc"],
}

# Prompts are not copied.
copybutton_prompt_text = r">>> |\.\.\. "
copybutton_prompt_is_regexp = True

# -- `make linkcheck` ------------------------------------------------------------------

linkcheck_timeout = 20
linkcheck_workers = 4
# Publishers that answer a program with "forbidden", and lines of a file that GitHub
# draws later than it sends the page.
linkcheck_anchors_ignore_for_url = [r"https://github\.com/"]
linkcheck_ignore = [r"https://doi\.org/"]
