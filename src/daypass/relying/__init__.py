"""Relying parties other than AWS: what each wants to be given an identity token by, and why it refuses one.

One module per party. Each knows the party's own form of configuration, one request that tells whether a token is taken,
and the party's refusals with what to do about them, as data.
"""
