// A GitLab pipeline's way into AWS: an IAM OIDC provider for GitLab, and a role that one branch of one project may take.
import { App, CfnOutput, Duration, Stack, aws_iam as iam } from 'aws-cdk-lib';

export class GitLabOidc extends Stack {
  constructor(scope, id, props) {
    super(scope, id, props);
    const { issuer, audience, subject, thumbprint } = props;

    // The native construct: a resource of CloudFormation itself. `iam.OpenIdConnectProvider` would bring a Lambda
    // function that makes the provider, with rights on every provider of the account.
    const provider = new iam.OidcProviderNative(this, 'Provider', {
      url: issuer,
      clientIds: [audience],
      thumbprints: thumbprint ? [thumbprint] : undefined,
    });

    // A condition key is the issuer without its scheme. Without `sub`, every project of this GitLab could take the role.
    const host = issuer.replace(/^https:\/\//, '');
    const role = new iam.Role(this, 'Role', {
      description: 'GitLab pipeline role',
      maxSessionDuration: Duration.hours(1),
      assumedBy: new iam.WebIdentityPrincipal(provider.oidcProviderArn, {
        StringEquals: {
          [`${host}:aud`]: audience,
          [`${host}:sub`]: subject,
        },
      }),
    });

    new iam.ManagedPolicy(this, 'Policy', {
      roles: [role],
      statements: [
        new iam.PolicyStatement({ sid: 'GitLabPolicy', actions: ['sts:GetCallerIdentity'], resources: ['*'] }),
      ],
    });

    new CfnOutput(this, 'PipelineRoleArn', { value: role.roleArn, description: 'Role for the pipeline to assume' });
  }
}

const app = new App();
const issuer = app.node.tryGetContext('issuer') ?? 'https://gitlab.example.com';
const project = app.node.tryGetContext('project') ?? 'mygroup/myproject';
const branch = app.node.tryGetContext('branch') ?? 'main';

new GitLabOidc(app, 'MyGitLabIntegration', {
  issuer,
  audience: app.node.tryGetContext('audience') ?? issuer,
  thumbprint: app.node.tryGetContext('thumbprint'),
  subject: `project_path:${project}:ref_type:branch:ref:${branch}`,
});
