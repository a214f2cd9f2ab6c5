"""The documentation site: Sphinx over the Markdown of this folder. `make docs` builds it; a broken
link fails.
"""

from importlib.metadata import version as installed_version

project = "analytics-pipeline"
version = release = installed_version(project)
extensions = ["myst_parser", "sphinxcontrib.mermaid"]
myst_fence_as_directive = ["mermaid"]
myst_heading_anchors = 3
html_theme = "furo"
html_title = f"{project} {release}"
exclude_patterns = ["_build"]
nitpicky = True
