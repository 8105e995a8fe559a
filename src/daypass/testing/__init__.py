"""Test trust policies beside the code that makes them: no server, no network, no AWS account.

    from daypass.testing import RoleTrust, gitlab_token

    def test_only_main_deploys() -> None:
        deploy = RoleTrust.load("infra/deploy-role-trust.json")
        assert deploy.allows(gitlab_token(project="mygroup/app", ref="main"))
        assert not deploy.allows(gitlab_token(project="mygroup/app", ref="feature"))

`local_aws` is a whole AWS for tests on a loopback port: STS, IAM and the services behind them, with tokens of issuers
that it plays.

The names here are public and stay. Under pytest a failed assertion tells the whole explanation.
"""

from daypass.testing.local_aws import LocalAws, local_aws
from daypass.testing.role_trust import RoleTrust, Verdict
from daypass.testing.tokens import Token, daypass_token, github_token, gitlab_token, gitpod_token, ona_token

__all__ = [
    "LocalAws",
    "RoleTrust",
    "Token",
    "Verdict",
    "daypass_token",
    "github_token",
    "gitlab_token",
    "gitpod_token",
    "local_aws",
    "ona_token",
]
