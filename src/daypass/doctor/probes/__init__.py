"""What asks the outside world. Each probe gives facts and judges nothing; a fault is a fact, never an exception.

Only these may look at what the guarded fetcher refuses: a private address, a certificate that nobody vouches for. They
keep its limits of time and size, follow no redirect, and send nothing but a GET for a public document.
"""
