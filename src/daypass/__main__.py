"""`python -m daypass` is `daypass`."""

from __future__ import annotations

import sys

from daypass.cli import main

if __name__ == "__main__":
    sys.exit(main())
