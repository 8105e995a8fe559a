"""`file:PATH`: the token is in a file that the user names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daypass.ambient.token_file import read
from daypass.ambient.wish import Given

if TYPE_CHECKING:
    from daypass.ambient.wish import Wish


def find(wish: Wish) -> Given:
    """What is in the file, read again each time. Raises what `token_file.read` raises."""
    assert wish.argument is not None
    return Given(read(wish.argument, wish.environ), f"the file {wish.argument}")
