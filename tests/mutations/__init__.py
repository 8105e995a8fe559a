"""Does a test fail when its protection is taken away? One breakage of the source per row of the threats, and the test.

`make mutants` carries them out; the ordinary tests do not.
"""
