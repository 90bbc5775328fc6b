"""Links of the site: pages are written for GitHub and read on the site as well.

- A relative link to a file outside docs/ leads to the repository, and one to a script
  of the gallery to the page that was made of it.
- `Name` in inline code leads to the reference, if it is a public name of skreg and not
  said to be scikit-learn's.
- Roles in docstrings that are inherited from scikit-learn lead to scikit-learn's pages,
  or are plain text. Nothing is downloaded for that.
"""

import posixpath
import re

REPOSITORY = "https://github.com/skreg/skreg"

# Files outside docs/ that are pages of the site, too.
PAGES = {
    "../README.md": "/index.md",
    "../CHANGELOG.md": "/developers/changelog.md",
    "../CONTRIBUTING.md": "/developers/contributing.md",
}

_FENCE = re.compile(r"^(```+|~~~+).*?^\1", flags=re.M | re.S)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
# What stands before the name of a class that is not ours.
_OF_OTHERS = re.compile(r"(scikit|imbalanced)-learn(['’]s[\w, ]*| \d[\d.]* )$")


def rewritten_target(target, folder):
    """Where a link leads on the site.

    Parameters
    ----------
    target : str
        As it is written in a page.
    folder : str
        The folder of that page, from docs/ on; "" for docs/ itself.

    Returns
    -------
    str
    """
    inside = f"{REPOSITORY}/blob/main/docs/"
    path, hash_, anchor = target.partition("#")
    if path.startswith(inside):
        path = posixpath.relpath(path[len(inside) :], folder or ".")
    if not path or "://" in path or path.startswith(("/", "mailto:")):
        return target
    full = posixpath.normpath(posixpath.join(folder, path))
    if match := re.fullmatch(r"gallery/(plot_\w+)\.py", full):
        return f"/auto_gallery/{match[1]}.rst{hash_}{anchor}"
    if full in ("gallery", "gallery/README.rst"):
        return "/auto_gallery/index.rst"
    if full in PAGES:
        return PAGES[full] + hash_ + anchor
    if full.startswith("../"):
        name = full.removeprefix("../")
        kind = "blob" if "." in posixpath.basename(name) else "tree"
        return f"{REPOSITORY}/{kind}/main/{name}{hash_}{anchor}"
    return path + hash_ + anchor


def rewritten_page(text, folder):
    """The text of a page with the targets of its links rewritten, but not in code.

    Blank lines at the end of a block of code, which doctest needs, are left out.
    """

    def of_prose(prose):
        return _LINK.sub(lambda m: f"]({rewritten_target(m[1], folder)})", prose)

    parts, end = [], 0
    for fence in _FENCE.finditer(text):
        code = re.sub(r"\n\s*\n(```+|~~~+)$", r"\n\1", fence[0])
        parts += [of_prose(text[end : fence.start()]), code]
        end = fence.end()
    return "".join([*parts, of_prose(text[end:])])


def public_names():
    """Name to the full name under which the reference has it."""
    import skreg

    names = {}
    for module in (skreg, *(getattr(skreg, name) for name in skreg._SUBMODULES)):
        for name in module.__all__:
            if callable(getattr(module, name)):
                names.setdefault(name, f"{module.__name__}.{name}")
    return names


def _rewrite_source(app, docname, source):
    if str(app.env.doc2path(docname)).endswith(".md"):
        source[0] = rewritten_page(source[0], posixpath.dirname(docname))


def _link_names(app, doctree):
    from docutils import nodes
    from sphinx.addnodes import pending_xref

    docname = app.env.docname
    names = app.config.skreg_public_names
    for literal in list(doctree.findall(nodes.literal)):
        full = names.get(literal.astext().removesuffix("()").split(".")[-1])
        given = literal.astext().removesuffix("()")
        if full is None or given not in (full, full.rpartition(".")[2]):
            continue
        if docname.endswith(full):
            continue
        parent = literal.parent
        if isinstance(parent, nodes.reference | nodes.title | pending_xref):
            continue
        before = parent.children[: parent.index(literal)]
        if _OF_OTHERS.search("".join(node.astext() for node in before)):
            continue
        link = pending_xref(
            "",
            refdomain="py",
            reftype="obj",
            reftarget=full,
            refdoc=docname,
            refexplicit=True,
            refwarn=False,
        )
        parent.replace(literal, link)
        link += literal


def _resolve_scikit_learn(app, env, node, contnode):
    from docutils import nodes

    target = node.get("reftarget", "")
    if target.startswith("sklearn."):
        url = f"https://scikit-learn.org/stable/modules/generated/{target}.html"
        return nodes.reference("", "", contnode, internal=False, refuri=url)
    # Labels and terms are those of scikit-learn's guide: skreg's docstrings have none.
    in_reference = node.get("refdoc", "").startswith("api/generated/")
    if in_reference and node.get("reftype") in ("ref", "term"):
        return contnode
    # numpydoc refers to attributes that are properties, which have no place there.
    if in_reference and node.get("reftype") == "obj" and target.isidentifier():
        return nodes.strong("", contnode.astext())
    return None


def _skip_member(app, what, name, obj, skip, options):
    """Methods of scikit-learn's metadata routing would fill every page."""
    routing = name == "get_metadata_routing" or re.fullmatch(r"set_\w+_request", name)
    return True if routing else None


def setup(app):
    app.add_config_value("skreg_public_names", public_names(), "env", types=[dict])
    app.connect("source-read", _rewrite_source)
    app.connect("doctree-read", _link_names)
    app.connect("missing-reference", _resolve_scikit_learn)
    app.connect("autodoc-skip-member", _skip_member)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
