"""The waist: what both halves of Neronet know of each other.

The user side imports it, and the agent on a node carries the same files, so
everything here is Python 3.6 grammar, standard library only, free of I/O.
"""

PROTOCOL = 1
OLDEST_PROTOCOL = 1  # the previous version is served too, once there is one
