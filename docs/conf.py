"""Configuration of the documentation."""

from sklearn_recsketch import __version__

project = "sklearn-recsketch"
copyright = "2026, the sklearn-recsketch developers"
release = version = __version__
extensions = ["sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.mathjax", "numpydoc"]
autosummary_generate = True
numpydoc_show_class_members = False
numpydoc_class_members_toctree = False
exclude_patterns = ["_build"]
suppress_warnings = ["ref.term"]  # scikit-learn's glossary, in docstrings that searches inherit
html_theme = "alabaster"
html_static_path = ["_static"]
html_css_files = ["tables.css"]
