"""How one value of a request is compared with the values of a policy, a module for each family of operators."""
