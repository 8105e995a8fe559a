"""What a role's session may do: identity policies, permissions boundary and session policies, evaluated. Pure."""
