"""Services that Daypass does not decide on, behind its front: moto's, in process.

`catalogue` says which there are and how they are spoken to, `rewrite` writes a judged request anew, `state` looks up
what a request names, `behind` hands it on, and `kms_digests` mends what moto gets wrong there.
"""
