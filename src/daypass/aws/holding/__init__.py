"""Ways to hold a session of a role: cached, refreshed early, and handed over in each form that AWS's tools read.

`cache` and what it needs run at every start of an SDK behind `credential_process`. They import no dataclasses, no
datetime and no pathlib: each of those costs more than the work itself.
"""
