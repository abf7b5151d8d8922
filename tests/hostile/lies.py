"""What hostile nodes do, and which sentence ends their connection ("" where they are only ignored).

Behind each name stands a program for `node` of liar.py.
"""

from __future__ import annotations

BEGIN = "node.hello(); node.follow(); "
STRANGE = "f" * 16

LIES: dict[str, tuple[str, str]] = {
    # -- names of outputs
    "an absolute path": (BEGIN + 'node.outputs("/OUTSIDE/escape")', ""),
    "a way up": (
        BEGIN + 'node.outputs("../escape", "../../escape", "../../../escape", "a/../../escape")',
        "",
    ),
    "a way to other results": (BEGIN + 'node.outputs("../honest/stdout.log", "../../neronet.db")', ""),
    "names of Windows": (
        BEGIN + r'node.outputs("..\\escape", "C:\\escape", "con", "nul.txt", "a.", "a ")',
        "",
    ),
    "names of control signs": (
        BEGIN + r'node.outputs("a\x1b]0;x\x07", "a\nb", "a\x00b", "\u202etxt.exe")',
        "",
    ),
    "names of our own": (BEGIN + 'node.outputs(".part-0123", "stdout.log")', ""),
    "a file where a folder is": (BEGIN + 'node.outputs("a/b", "a", "a/b/c")', ""),
    "an endless name": (BEGIN + 'node.outputs("x" * 4000, "/".join("y" * 1000))', ""),
    "a path that nobody asked for": (
        BEGIN + 'node.output("../escape"); node.output("never"); node.stay()',
        "",
    ),
    # -- sizes and offsets
    "ten gigabytes announced": (
        BEGIN
        + 'node.journal(node.ended(sizes=[10**10] * 3, outputs=[["big", 10**10, 0]])); node.until("output"); '
        'node.output("big", b"x" * 1000, 0, end=False); node.stay()',
        "",
    ),
    "an output from the middle": (
        BEGIN
        + 'node.journal(node.ended(outputs=[["o", 9, 0]])); node.until("output"); node.output("o", b"x", 10**9)',
        "bytes before 1000000000 are missing",
    ),
    "an output at a negative place": (BEGIN + 'node.output("o", b"x", -1)', "no usable offset"),
    "a log from the middle": (
        BEGIN + 'node.journal(node.record("started")); node.log(b"x", 10**12); node.stay()',
        "",
    ),
    "a log at a negative place": (BEGIN + 'node.log(b"x", -5)', "no usable offset"),
    "a log at a float": (BEGIN + 'node.log(b"x", 1.0)', "no usable offset"),
    "a stream that is none": (BEGIN + 'node.log(b"x", stream=7)', "no usable stream"),
    "a journal from the middle": (BEGIN + 'node.journal(node.record("started"), offset=500)', "instead of"),
    "a journal that begins anew behind its end": (
        BEGIN + "node.journal(offset=10**15, reset=True)",
        "instead of",
    ),
    "negative sizes": (BEGIN + "node.journal(node.ended(sizes=[-1, 0, 0]))", "makes no sense"),
    "sizes of floats": (BEGIN + "node.journal(node.ended(sizes=[1.5, 0, 0]))", "makes no sense"),
    # -- records
    "a run that is none": (BEGIN + "node.journal(dict(node.ended(), i=10**6)); node.stay()", ""),
    "a start that is none": (BEGIN + "node.journal(dict(node.ended(), a=70000))", "makes no sense"),
    "a foreign submission": (
        BEGIN
        + f'node.journal(node.ended(), token="{STRANGE}"); node.log(b"x", token="{STRANGE}"); node.stay()',
        "",
    ),
    "an index of a float": (BEGIN + "node.journal(dict(node.ended(), i=0.0))", "makes no sense"),
    "an index as large as a number can be": (
        BEGIN + "node.journal(dict(node.ended(), i=10**300))",
        "makes no sense",
    ),
    "a time of nan": (BEGIN + 'node.journal(node.ended(ended=float("nan")))', "makes no sense"),
    "a time after all calendars": (BEGIN + "node.journal(node.ended(started=1e308))", "makes no sense"),
    "a state that is none": (BEGIN + 'node.journal(node.ended(state="<b>won</b>"))', "makes no sense"),
    "a million names": (
        BEGIN + 'node.journal(*[node.point("n%d" % n, offset=n) for n in range(5000)])',
        "more than 1000 names",
    ),
    "a name of an escape": (BEGIN + r'node.journal(node.point("a\x1b[2J"))', "makes no sense"),
    "a name of markup": (BEGIN + 'node.journal(node.point("<img/src=x>"))', "makes no sense"),
    "a value of a text": (BEGIN + 'node.journal(node.point(value="1"))', "makes no sense"),
    "an offset of a text": (BEGIN + 'node.journal(node.point(offset="0"))', "makes no sense"),
    "a record that is a list": (BEGIN + "node.journal([1, 2, 3])", "makes no sense"),
    "a record nested deeply": (
        BEGIN
        + 'd = b\'{"e":\' + b"[" * 100000; node.say("journal", d + b"\\n", token=node.token, name="k.log", '
        "offset=node.offset, reset=False)",
        "makes no sense",
    ),
    "a record of broken text": (
        BEGIN
        + 'node.say("journal", b\'{"e":"\\xff\\xfe\\n\', token=node.token, name="k.log", offset=node.offset, '
        "reset=False)",
        "makes no sense",
    ),
    "a journal with the name of a path": (BEGIN + 'node.journal(name="../../x")', "no usable name"),
    # -- frames
    "a banner instead of a protocol": ('node.raw(b"Welcome to the cluster!\\n")', "not JSON"),
    "a message nested deeply": ('node.raw(b\'{"m":\' + b"[" * 3000000 + b"\\n")', "nested"),
    "a number of a million digits": (
        'node.raw(b\'{"m":"hello","protocol":\' + b"9" * 1000000 + b"}\\n")',
        "not JSON",
    ),
    "a line without end": ('while True: node.raw(b"x" * 65536)', "longer than"),
    "a payload of ten gigabytes": (
        BEGIN
        + 'node.raw(b\'{"m":"journal","token":"%s","name":"k.log","offset":0,"reset":false,"size":10000000000}\\n\' '
        "% node.token.encode())",
        "announces 10000000000 bytes",
    ),
    "a negative payload": (
        BEGIN + 'node.raw(b\'{"m":"note","text":"x","size":-1}\\n\')',
        "announces -1 bytes",
    ),
    "a kind that is none": (BEGIN + 'node.say("__class__")', "unknown message"),
    "another protocol": ('node.say("hello", protocol=99, version="x", facts={})', "another version"),
    "no hello": ('node.say("stored", sha="0" * 64); node.stay()', "another version"),
    # -- answers
    "answers never asked for": (
        BEGIN
        + 'node.say("stored", sha="0" * 64); node.say("done", id="x", result={}); node.say("batches", items=[]); '
        'node.say("content", b"x", what="batch", key="y", offset=0, end=True); node.say("synced", id=99); node.stay()',
        "",
    ),
    "files lacking that nobody offered": (
        'node.hello(); node.until("have"); node.say("missing", shas=["0" * 64] * 5000); node.stay()',
        "",
    ),
    "the batch is accepted before it is sent": (
        'node.hello(); node.until("have"); node.say("accepted", token="0" * 16); node.say("missing", shas=[]); node.stay()',
        "",
    ),
    "it hangs up in the middle": (
        'node.hello(); node.until("have"); sys.exit(3)',
        "the connection to .* ended",
    ),
    # -- texts
    "facts that are none": (
        'node.hello(cores="many", memory=-1, gpus=7, disk_free="much", time=None, host=["x"], extra={"a": [1] * 1000}); '
        'node.until("load"); node.say("load", load={"used": "x", "load1": [], "disk_free": float("nan"), "load15": "y"}); '
        "node.stay()",
        "",
    ),
    "texts that steer a terminal": (
        r'E = "\x1b]0;owned\x07\x1b[2J\x1b[31m\u202e<script>alert(1)</script>[bold]x[/bold]"; '
        "node.hello(host=E, python=E, system=E, root=E, scheduler=E); node.follow(); "
        'node.say("note", text=E); node.journal(node.record("claimed", host=E, gpus=[]), node.record("warn", text=E), '
        'node.record("started"), node.ended(state="failed", reason=E, status=1, sizes=[60, 0, 0])); '
        'node.until("log"); node.log(E.encode()[:60].ljust(60, b"."), end=True); node.stay()',
        "",
    ),
}
