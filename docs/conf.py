"""Settings of the documentation site: `make docs` builds it."""

project = "Comet discovery"
extensions = ["myst_parser"]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "Comet discovery"
html_show_copyright = False
html_show_sphinx = False
html_copy_source = False

# Headings down to this level can be linked to: `howto/costs.md#what-a-run-costs`.
myst_heading_anchors = 3
# A reference that leads nowhere is a warning, and `-W` turns warnings into errors.
nitpicky = True
