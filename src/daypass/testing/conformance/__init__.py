"""AssumeRoleWithWebIdentity as AWS answers it, asked of any endpoint.

    python -m daypass.testing.conformance --endpoint http://127.0.0.1:4566

The cases are `vectors/sts/` of the repository, and are part of the package. Each says what the account and the issuer
hold, what is asked, what AWS answers, and where that is known from. The runner serves the issuers itself.
"""
