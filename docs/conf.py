"""Configuration of the documentation."""

from __future__ import annotations

import sys
from pathlib import Path

from sphinx_gallery.sorting import ExplicitOrder

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE / "extensions"))

from class_members import members_of_classes  # noqa: E402
from inventories import write_inventories  # noqa: E402

from sklearn_recsketch import __version__  # noqa: E402

project = "sklearn-recsketch"
copyright = "2026, the sklearn-recsketch developers"
release = version = __version__
extensions = [
    "mathml",
    "plain_addresses",
    "repository_files",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.doctest",
    "sphinx.ext.intersphinx",
    "numpydoc",
    "myst_parser",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
]
exclude_patterns = ["_build", "inventories", "**sg_execution_times.rst", "generated/*.md"]
templates_path = ["_templates"]
html_math_renderer = "mathml"

# Reference pages
autodoc_typehints = "none"  # docstrings state the types
autosummary_generate = True
numpydoc_show_class_members = False  # templates/autosummary/class.rst lists them
numpydoc_class_members_toctree = False
toc_object_entries_show_parents = "hide"


autosummary_context = {"documented": members_of_classes()}

# Links to other projects: the lists of their objects are part of the sources, so that no build needs the network.
intersphinx_mapping = write_inventories(HERE / "inventories", HERE / "_build" / "inventories")
nitpicky = True
nitpick_ignore_regex: list[tuple[str, str]] = []

# Markdown files of the repository
myst_enable_extensions = ["linkify"]
myst_linkify_fuzzy_links = False  # "README.md" is no address
myst_heading_anchors = 3

# Gallery: `make doc-fast` does not run the examples.
sphinx_gallery_conf = {
    "examples_dirs": "../examples/gallery",
    "gallery_dirs": "auto_examples",
    "backreferences_dir": "generated/backreferences",
    "doc_module": ("sklearn_recsketch",),
    "reference_url": {"sklearn_recsketch": None},
    "subsection_order": ExplicitOrder(["*"]),
    "within_subsection_order": "gallery_order.ReadingOrder",
    "download_all_examples": False,
    "show_signature": False,
    "min_reported_time": 1e9,  # times differ between machines
    "remove_config_comments": True,
}

# Code blocks: only the code is copied, without prompts and output.
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# Theme
html_theme = "pydata_sphinx_theme"
html_title = "sklearn-recsketch"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_favicon = "_static/logo.svg"
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
html_theme_options = {
    "logo": {"text": "sklearn-recsketch", "image_light": "_static/logo.svg", "image_dark": "_static/logo.svg"},
    "header_links_before_dropdown": 6,
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
    "github_url": "https://github.com/sklearn-recsketch/sklearn-recsketch",
    "footer_start": ["copyright"],
    "footer_end": [],
}
html_sidebars = {page: [] for page in ("index", "install", "quick_start", "conversion")}  # they have no sections
