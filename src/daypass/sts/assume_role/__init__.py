"""AssumeRole as a decision, in AWS's order of checks, with AWS's answers. Pure.

Order and texts as observed on AWS, July 2026 and 2025, where `texts.py` says so: parameters, tags and source identity,
the actions `sts:TagSession`, `sts:SetSourceIdentity` and `sts:AssumeRole`, session policies, the role's maximum
duration, the hour of chained sessions.
"""
