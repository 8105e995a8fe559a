"""What permission a request needs: from the wire to actions, resources and the condition keys of the request.

A request is read as strictly as the service behind might read it loosely: what has two readings is refused, never
guessed, for a Deny must hold however a request is written.
"""
