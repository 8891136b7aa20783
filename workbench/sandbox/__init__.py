"""The sandbox that templates are rendered in; it imports nothing of the package.

opaque.py       values that have no text: methods, generators, Jinja's own objects
environment.py  Jinja's sandbox, in which a row always renders to the same text
"""
