"""AWS as seen by a client: log in, and keep the credentials where AWS's own tools look for them."""
