"""How the documentation is built: `make check` builds it with warnings as errors."""

project = "Daypass"
author = "The Daypass authors"
extensions = ["myst_parser"]
html_theme = "furo"
html_title = "Daypass"
exclude_patterns = ["_build"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
suppress_warnings = ["myst.header"]
