"""Where a job finds the token that its platform gives it; one module per platform."""
