"""From a number that somebody points at in a log to the reader that finds all its likes; pure."""
