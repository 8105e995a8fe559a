"""Compact JWTs, JWKs, key sets and strict JSON: peek, mint, verify. Pure."""
