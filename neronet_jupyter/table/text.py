"""Texts of others, made fit to be shown: names, values, notes and reasons may hold anything (pure)."""

from __future__ import annotations

from functools import lru_cache

from neronet.spec.values import number

_SHOWN = {code: chr(0x2400 + code) for code in range(32)} | {9: " ", 127: "\u2421"}
# C1 controls are terminal commands, too; line separators would break a line; a lone half of a pair is no text.
_SHOWN |= dict.fromkeys(range(0x80, 0xA0), "\ufffd") | {0x2028: " ", 0x2029: " "}
_SHOWN |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd")
# They turn round what stands beside them; a cell is isolated, but a title or a copied sentence is not.
_TURNING = dict.fromkeys((0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)))

Key = tuple[int, float, str]


def shown(text: str, limit: int = 80) -> str:
    """`text` on one line, controls made visible, cut with "…" to `limit` characters."""
    cut = text if len(text) <= limit else text[: limit - 1] + "…"
    return cut if cut.isprintable() else cut.translate(_SHOWN)


def plain(text: str, limit: int = 300) -> str:
    """The same for a place that cannot be isolated: without what turns the direction of writing."""
    return shown(text.translate(_TURNING), limit)


@lru_cache(maxsize=65536)
def sort_key(text: str | None) -> Key:
    """Orders values as people do: numbers by size, then words, then nan, then what is not there."""
    if not text:
        return (3, 0.0, "")
    value = number(text)
    if value is None:
        return (1, 0.0, text.casefold())
    return (2, 0.0, "nan") if value != value else (0, value, text)


def number_key(value: float | None) -> Key:
    if value is None:
        return (3, 0.0, "")
    return (2, 0.0, "nan") if value != value else (0, value, "")


_BIG = ("acc", "score", "f1", "auc", "precision", "recall", "reward", "return", "bleu", "iou", "r2", "psnr", "ssim",
        "per_s", "/s", "speed", "throughput", "success")  # fmt: skip
_SMALL = (
    "err",
    "loss",
    "perplexity",
    "ppl",
    "mse",
    "mae",
    "rmse",
    "nll",
    "regret",
    "wer",
    "cer",
    "fid",
    "time",
)


def small_is_good(metric: str) -> bool:
    """Whether less of a metric is better, as its name has it; less, when that says nothing."""
    name = metric.casefold()
    return any(word in name for word in _SMALL) or not any(word in name for word in _BIG)
