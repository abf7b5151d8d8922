"""Framing: one JSON line, optionally followed by `size` raw bytes.

`encode` makes the bytes of one message, `Decoder` turns a stream of bytes, cut
anywhere, back into messages.  Every length and depth is limited before anything
is allocated for it, since a node (or whoever took it over) may send anything.
"""

import json
import re

MAX_LINE = 4 * 1024 * 1024  # a batch of 10,000 hashes or journal names fits well
MAX_PAYLOAD = 1024 * 1024
MAX_DEPTH = 16
MAX_DIGITS = 20  # of a whole number; converting long ones takes quadratic time


class Malformed(Exception):
    """The bytes are not what a correct peer sends; the connection is to be closed."""


def encode(message, payload=None):
    """The bytes of `message` (a dict), with `size` set to the length of `payload` when there is one."""
    if payload is None:
        return json.dumps(message, separators=(",", ":")).encode("ascii") + b"\n"
    message = dict(message, size=len(payload))
    return b"".join((json.dumps(message, separators=(",", ":")).encode("ascii"), b"\n", payload))


def load_json(line):
    """The dict that `line` (bytes) holds; raises Malformed for everything else, deep nesting included."""
    if line.count(b"[") + line.count(b"{") > MAX_DEPTH and _too_deep(line):
        raise Malformed("a message is nested more than %d deep" % MAX_DEPTH)
    try:
        value = json.loads(line.decode("utf-8"), parse_int=_whole)
    except (ValueError, RecursionError) as error:
        raise Malformed("a message is not JSON: %s" % error)
    if not isinstance(value, dict):
        raise Malformed("a message is not a JSON object")
    return value


def _whole(digits):
    if len(digits) > MAX_DIGITS:
        raise ValueError("a number of %d digits" % len(digits))
    return int(digits)


def _too_deep(line):
    """Whether the brackets of a JSON line are nested deeper than allowed, those inside of texts left out."""
    depth = 0
    bare = re.sub(rb'"[^"]*"?', b"", re.sub(rb"\\.", b"", line))
    for mark in re.finditer(rb"[\[{\]}]", bare):
        depth += 1 if mark.group() in b"[{" else -1
        if depth > MAX_DEPTH:
            return True
    return False


class Decoder(object):
    """Feed it bytes, take messages: `[(message, payload or None), ...]`."""

    def __init__(self):
        self._buffer = bytearray()
        self._message = None  # whose payload is awaited
        self._scanned = 0  # no newline before this position

    def feed(self, data):
        """All messages that are complete now; raises Malformed, after which the decoder is of no use."""
        self._buffer += data
        messages = []
        start = 0
        while True:
            if self._message is not None:
                size = self._message["size"]
                if len(self._buffer) - start < size:
                    break
                messages.append((self._message, bytes(self._buffer[start : start + size])))
                start += size
                self._message = None
                continue
            end = self._buffer.find(b"\n", max(start, self._scanned))
            if end < 0:
                self._scanned = len(self._buffer)
                if len(self._buffer) - start > MAX_LINE:
                    raise Malformed("a message is longer than %d bytes" % MAX_LINE)
                break
            if end - start > MAX_LINE:
                raise Malformed("a message is longer than %d bytes" % MAX_LINE)
            message = load_json(bytes(self._buffer[start:end]))
            start = end + 1
            if "size" in message:
                size = message["size"]
                if type(size) is not int or not 0 <= size <= MAX_PAYLOAD:
                    raise Malformed("a message announces %.40r bytes" % (size,))
                self._message = message
            else:
                messages.append((message, None))
        if start:
            del self._buffer[:start]
            self._scanned = max(0, self._scanned - start)
        return messages
