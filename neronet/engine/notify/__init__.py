"""Tells the user what matters: rules.py decides what and when, writing.py how it reads, the others send it."""
