"""AssumeRoleWithWebIdentity as a decision, in AWS's order of checks, with AWS's answers. Pure."""
