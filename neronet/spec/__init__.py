"""Texts in, specifications out: config.yaml, nodes.yaml, preferences.yaml.

Nothing here raises for what a file says: every problem is collected with its
line, so that a user sees all of them at once.
"""
