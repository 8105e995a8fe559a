"""The identity provider: registry, issuing, key ring, audit."""
