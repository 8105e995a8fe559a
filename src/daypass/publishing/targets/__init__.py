"""Where documents are published: a folder, S3, Google Cloud Storage, Azure Blob Storage. One contract for all.

Each module is one place, and loads its vendor's library; `daypass.bootstrap.publishing` chooses among them.
"""

from __future__ import annotations

from daypass.publishing.targets.port import Stored, Target

__all__ = ["Stored", "Target"]
