"""`nerocli` and `nerogui`: what a person types, and what she reads then.

`verbs` says what there is, `main` runs one verb, a module per group of verbs does it.
Only `console` writes to the terminal, and it makes every text harmless first.
"""
