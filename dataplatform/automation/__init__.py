"""When things run by themselves: clocks, retries, conditions and notices.

What runs is the rooms' graph; this room only names parts of it and says when.
"""
