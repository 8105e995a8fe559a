"""The local AWS: IAM and STS of our own, other services behind them, on one port of this machine.

It refuses what AWS refuses: request signatures, session tokens and their expiry, the web identity token, the provider,
the trust policy and the session's permissions are checked on every call, and there is no switch to turn that off.
"""
