"""Names that a node has no business to send: more than 200 ways out of a folder or into another file."""

from __future__ import annotations

DEVICES = [
    "con", "prn", "aux", "nul", "com1", "com9", "com0", "lpt1", "lpt9", "conin$", "conout$", "clock$",
    "com¹", "lpt³",
]  # fmt: skip
WAYS_UP = [
    "..", "../x", "../../x", "a/..", "a/../x", "a/../../x", "a/b/../../../x", "./x", "a/./x", "a/.", ".",
    "../", "a/../",
    "../../../../../../../../../../tmp/x", "x/../../outside/x", "../outside/x", "..//x", "a//../x", "..\\x",
    "a\\..\\..\\x",
    "../.ssh/authorized_keys", "../../.bashrc", "a/b/c/../../../../x",
]  # fmt: skip
ABSOLUTE = [
    "/", "//", "/x", "//x", "///x", "/etc/passwd", "/tmp/x", "/dev/null", "/proc/self/mem", "/dev/stdout",
    "/./x", "/../x",
    "//server/share/x", "\\x", "\\\\server\\share\\x", "\\\\?\\C:\\x", "\\\\.\\PhysicalDrive0",
    "\\Device\\x", "/C:/x",
]  # fmt: skip
DRIVES = ["a/C:x", "a/c:/x", "a/z:"] + [
    f"{drive}:{rest}" for drive in "CcZ" for rest in ("", "x", "/x", "\\x", "/../x")
]
EMPTY = ["", "a//x", "a/", "a//", "/a/", "a/b//c", "x/"]
CONTROLS = (
    [f"a{chr(code)}b" for code in (*range(0x20), *range(0x7F, 0xA0))]
    + [f"dir{chr(code)}/x" for code in (0, 7, 10, 13, 27, 0x7F, 0x9B)]
    + ["x\0", "\0x", "x\0/../y", "\n", "a/\n", "\x1b]0;title\x07", "\x1b[2J", "x\0.txt"]
)
DISGUISED = [
    "gpj.\u202eexe", "\u2066x", "x\u2069", "a/\u200fb", "x\u2028y", "\u061cx", "x\u202a/y",
    "\udcc3\udca9", "\udcf0\udc9f\udc98\udc80", "\ud800", "x\udbff", "\udc41", "\udc2e\udc2e/x", "\udc2f",
    "\ud83d\ude00",
]  # fmt: skip
TRAILING = [
    "x.", "x ", "x..", "x. ", "x .", "a./x", "a /x", "... ", "...", ".. ", ".. /x", "../.. /x", "a/b. /c",
    " ", ". .",
]  # fmt: skip
BACKSLASHES = [
    "a\\b", "\\", "a/b\\c", "..\\..\\x", "a/..\\x", "x\\", "C:\\x\\y", "a\\/b", "..\\", "\\..", "a/\\x",
]  # fmt: skip
LONG = [
    "x" * 256, "a/" + "x" * 256, "é" * 128, "x" * 256 + "/y", "x" * 100_000, "/".join("d" * 65),
    "d/" * 65 + "x", "d/" * 5000,
    "日" * 86, "\udcff" * 256,
]  # fmt: skip
AS_DEVICES = [
    variant
    for device in DEVICES
    for variant in (device, device.upper(), f"{device}.txt", f"{device.title()}.tar.gz", f"a/{device} .x/y")
]
RESERVED = [".part-x", ".part-" + "0" * 32, ".PART-x", ".part-/x"]

ALL = (
    WAYS_UP, ABSOLUTE, DRIVES, EMPTY, CONTROLS, DISGUISED, TRAILING, BACKSLASHES, LONG, AS_DEVICES, RESERVED,
)  # fmt: skip
HOSTILE = list(dict.fromkeys(name for names in ALL for name in names))
ORDINARY = [
    "x", "stdout.log", "a/b/c.txt", "out put/é.png", "日本/語.csv", "e\u0301", "-rf", "--help", "$(touch x)",
    "`x`", "a;b", "*",
    "?", "~", "~root", "...x", "..x", ".hidden", ".part", "x..y", "%2e%2e", "..%2fx", "console", "com",
    "com10", "nullable",
    "auxiliary.txt", "a.con", "2024-01-01T12:00:00.log", "10:30", "a'b\"c", "x=1,y=2", "\udcff",
    "a/\udcfe\udcff/b", "👩‍🔬.txt",
    "x" * 255, "é" * 127, "/".join("d" * 64), " x", "a|b<c>d",
]  # fmt: skip
