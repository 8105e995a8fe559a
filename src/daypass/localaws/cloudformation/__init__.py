"""CloudFormation, as far as identity needs it: stacks of IAM resources, made by the same operations as on the wire."""
