"""Folders up, results down: a folder becomes a manifest and contents, what nodes send becomes local files.

- ignore:     what `.gitignore` and `.neroignore` leave out (pure)
- manifest:   the list of everything that is sent, byte for byte (pure)
- collect:    what of an experiment's folder belongs to a run
- snapshot:   the folder as it is now, kept so that later edits never reach waiting runs
- upload:     what a node does not have yet, as messages
- mirror:     how much of a log is kept here (pure)
- names:      which names from a node are harmless (pure)
- folders:    one folder that can be entered and written to without following links
- writer:     the only module that writes what nodes send
"""
