"""Short-lived AWS access for CI jobs, workspaces and any other workload, with no static keys."""

__version__ = "0.1.0"
