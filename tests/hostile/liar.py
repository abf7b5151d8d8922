"""A node that somebody took over: a real process at the other end of a real channel.

`make(folder, lie)` writes a program that passes the bootstrap as a python3 would and then does what the text
`lie` says, with `node` (below) at hand. In nodes.yaml it is the `python:` of a node.
"""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

PROGRAM = """\
#!{python}
import json, os, sys, time
if "version_info" in sys.argv[4]:
    print(1)
    sys.exit()
os.nice(19)  # here it shares the processor with those whom it attacks
sys.path.insert(0, {root!r})
from neronet.wire import frames
order = json.loads(bytes.fromhex(sys.argv[-1]).decode())
if {bootstrap!r}:
    os.write(1, ("\\n" + order["marker"] + " have\\n").encode())

FACTS = {{"boot": "b", "host": "liar", "cores": 4, "memory": 2**33, "gpus": [], "python": "3.11.7", "root": "/r",
         "executable": "/x", "system": "Linux", "file_system": "ext4", "disk_free": 2**40, "disk_total": 2**40,
         "time": time.time(), "btime": 1.0, "scheduler": ""}}


class Node:
    def __init__(self):
        self.decoder, self.heard, self.offset, self.index = frames.Decoder(), [], 0, 0

    def raw(self, data):
        while data:
            data = data[os.write(1, data):]

    def say(self, kind, payload=None, **fields):
        self.raw(frames.encode(dict(fields, m=kind), payload))

    def hear(self):
        while not self.heard:
            data = os.read(0, 65536)
            if not data:
                sys.exit()
            self.heard += self.decoder.feed(data)
        return self.heard.pop(0)[0]

    def hello(self, **lies):
        self.say("hello", protocol=1, version="x", facts=dict(FACTS, **lies))

    def until(self, *kinds):
        "Obeys as a correct node would until one of these messages comes."
        while True:
            message = self.hear()
            if message["m"] in kinds:
                return message
            if message["m"] == "have":
                self.say("missing", shas=[])
            elif message["m"] == "batch":
                self.say("accepted", token=message["token"])
            elif message["m"] == "load":
                self.say("load", load={{"load1": 0.1, "used": 0}})
            elif message["m"] == "sync":
                self.say("synced", id=message["id"])
            elif message["m"] == "act":
                self.say("done", id=message["id"], result={{"runs": 0}})

    def follow(self):
        message = self.until("follow")
        self.token, self.offset = message["token"], message["offsets"].get("k.log", 0)

    def journal(self, *records, **lies):
        data = b"".join(json.dumps(record).encode() + b"\\n" for record in records)
        message = dict(token=self.token, name="k.log", offset=self.offset, reset=False)
        self.offset += len(data)
        self.say("journal", data, **dict(message, **lies))

    def record(self, kind, **fields):
        return dict(dict(e=kind, i=0, a=1, t=time.time()), **fields)

    def point(self, name="loss", value=1.0, offset=0, step=None, **fields):
        return self.record("p", s=0, to=offset, base=0, v=[[name, value, offset, step]], **fields)

    def ended(self, **lies):
        known = dict(state="finished", reason="", status=0, started=time.time(), ended=time.time(), sizes=[0, 0, 0], outputs=[])
        return self.record("ended", **dict(known, **lies))

    def log(self, data, offset=0, **lies):
        message = dict(token=self.token, index=0, attempt=1, stream=0, offset=offset, reset=False, end=False)
        self.say("log", data, **dict(message, **lies))

    def output(self, path, data=b"x", offset=0, end=True, **lies):
        message = dict(token=self.token, index=0, attempt=1, path=path, offset=offset, end=end)
        self.say("output", data, **dict(message, **lies))

    def outputs(self, *paths):
        "Announces outputs, and sends each when it is asked for."
        self.journal(self.record("started"), self.ended(outputs=[[path, 1, 0] for path in paths]))
        for _ in paths:
            self.output(self.until("output")["path"])

    def stay(self):
        self.until()


node = Node()
try:
{lie}
    node.stay()
except (BrokenPipeError, ConnectionError):
    pass
"""


def make(folder: Path, name: str, lie: str, bootstrap: bool = True) -> Path:
    program = folder / name
    body = "\n".join("    " + line for line in lie.strip("\n").splitlines())
    program.write_text(PROGRAM.format(python=sys.executable, root=str(ROOT), lie=body, bootstrap=bootstrap))
    program.chmod(0o755)
    return program
