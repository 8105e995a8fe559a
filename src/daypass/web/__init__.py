"""HTTP of the identity provider: discovery, key set, tokens, administration.

Start with `application.py`, which joins the parts. A request passes `connections.py` (limits on the wire), `door.py`
(request id, what is served at all, every error turned into an answer), then one module per resource.
"""
