"""What AWS needs to trust an issuer, from a file: providers and roles, planned, applied, removed.

`desired` is what the file says, `account` what AWS has, `plan` the difference, and `apply` the only one that writes.
"""
