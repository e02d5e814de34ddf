"""How rows come in: declared connections and extracts become raw assets.

What raw tables promise, and what is made of them, lives in other rooms.
"""
