"""Texts that mean harm: elements, handlers, links, templates, controls of direction and of terminals."""

from __future__ import annotations

HOSTILE = [
    "<img src=x onerror=window.hit=1>", "<script>window.hit=1</script>", "<b onmouseover=window.hit=1>b</b>",
    "\"><svg onload=window.hit=1>", "javascript:window.hit=1", "<a href='http://example.invalid/x'>click</a>",
    "\u202egnp.exe\u202c", "\u2066\u2067\u200f\u202a", "\x1b[31mred\x1b[0m\x1b]8;;http://example.invalid\x07",
    "a\x00b\x07c\x9b31m", "line\nbreak\r\ttab\u2028\u2029", "{{constructor.constructor('window.hit=1')()}}", "${window.hit=1}",
    "<iframe srcdoc='<script>parent.hit=1</script>'>", "<style>*{display:none}</style>", "]]><!--", "&lt;img&gt;&#x3c;",
    "__proto__", "constructor", "<math><mi xlink:href=javascript:window.hit=1>", "'; DROP TABLE runs; --", "ｆｕｌｌ 宽",
    "x" * 3000, "\ufeff\u200b\u00ad", "%3Cscript%3E", "=HYPERLINK(\"http://example.invalid\")", "..\\..\\..", "\U0001f4a9" * 40,
    "<details open ontoggle=window.hit=1>", "<input autofocus onfocus=window.hit=1>",
]  # fmt: skip


def hostile() -> list[str]:
    """Three hundred of them, all different."""
    texts = [f"{text}{i}" for i in range(10) for text in HOSTILE]
    assert len(texts) == 300
    return texts
