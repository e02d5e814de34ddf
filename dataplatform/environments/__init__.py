"""Environments as a whole: what each says and needs, how two differ, whether one works.

What an environment file may say is the business of ``declarations``; here it is looked at, tried
and chosen.
"""
