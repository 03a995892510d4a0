"""How the pages are built: ``uvx nox -s docs``."""

from argybargy import __version__

project = "Argybargy"
release = version = __version__

extensions = ["myst_parser"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
root_doc = "index"
language = "en"

# A link to a heading counts as a link: one that leads nowhere stops the build.
myst_heading_anchors = 3
nitpicky = True

html_theme = "furo"
html_title = "Argybargy"
html_show_sphinx = False
html_copy_source = False
html_show_sourcelink = False
highlight_language = "none"
