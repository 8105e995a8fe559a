"""What an examination came to, for others.

A page for people (`html`), alerts for code hosts (`sarif`), and the facts, to be judged again elsewhere (`bundle`).
"""
