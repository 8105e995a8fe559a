"""A linter for role trust policies: one rule per way a policy is open, dead or not taken. Pure."""
