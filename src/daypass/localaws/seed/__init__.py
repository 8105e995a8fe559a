"""Seed files: what a local AWS has from the beginning, said in YAML or JSON.

`document` reads one and holds it against `seed.schema.json`; `apply` makes what it says, through the front, as anybody
would who signs requests: there is no second way in, and no second opinion on what is right.
"""
