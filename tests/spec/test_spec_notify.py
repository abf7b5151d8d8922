"""`notify` of preferences.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from neronet.spec.notify import PLAIN, Channel, Digest, EventRule, Secret, Smtp
from neronet.spec.preferences import parse_preferences


def parse(text: str) -> tuple[Channel, ...]:
    found = parse_preferences(text.encode(), "preferences.yaml")
    assert found.problems == ()
    return found.notify


def test_a_channel_says_who_is_told_what_when_and_how() -> None:
    assert parse("""\
notify:
  - to: me@example.org
    smtp: {host: smtp.example.org, security: starttls, user: me, password: env NERONET_SMTP, from: x@example.org}
    events: [failed, sweep ended, waiting 2h, progress 30 min, progress 500 loss]
    experiments: lang_*
    collections: [lang]
    quiet: 22:00-07:00
    at_most: 2 per 10min
    join: 1 min
    digest: weekly mon 08:00
    log_lines: 10
  - to: ntfy://me:{password}@ntfy.example.org/topic
    password: keyring
  - to: desktop
""") == (
        Channel(
            "me@example.org",
            Smtp("smtp.example.org", 587, "starttls", "me", Secret("env", "NERONET_SMTP"), "x@example.org"),
            None,
            (
                EventRule("failed"),
                EventRule("sweep ended"),
                EventRule("waiting", 7200.0),
                EventRule("progress", 1800.0),
                EventRule("progress", 500.0, "loss"),
            ),
            ("lang_*",),
            ("lang",),
            (22 * 60, 7 * 60),
            (2, 600.0),
            60.0,
            Digest(480, 0),
            10,
        ),
        Channel("ntfy://me:{password}@ntfy.example.org/topic", password=Secret("keyring")),
        Channel("desktop", at_most=(1, 60.0)),
    )


def test_whole_hours_need_no_minutes() -> None:
    for text in ("22-7", "22:00-7", "22-07:00", "22:00 - 7:00"):
        assert parse(f"notify: [{{to: desktop, quiet: {text}}}]")[0].quiet == (22 * 60, 7 * 60)
    assert parse("notify: [{to: desktop, digest: daily 8}]")[0].digest == Digest(480)


def test_the_hint_after_a_wrong_event_has_all_that_are_accepted() -> None:
    (problem,) = parse_preferences(b"notify: [{to: desktop, events: zzzzzz}]", "preferences.yaml").problems
    words = problem.hint.removeprefix("known: ").split(", ")
    (channel,) = parse(f"notify: [{{to: desktop, events: [{problem.hint.removeprefix('known: ')}]}}]")
    assert {rule.word for rule in channel.events} >= {*PLAIN, "waiting", "progress"}
    assert len(channel.events) == len(words)


def test_what_the_guide_shows_works() -> None:
    guide = (Path(__file__).parents[2] / "docs/notifications.md").read_text(encoding="utf-8")
    assert [channel.to for channel in parse(guide.split("```yaml\n")[1].split("```")[0])] == [
        "me@example.org",
        "desktop",
    ]


def test_nobody_is_told_by_default() -> None:
    assert parse("notify:\n") == parse("notify: {}\n") == parse("notify: []\n") == parse("") == ()


def test_secrets_are_not_shown() -> None:
    (channel,) = parse("notify: [{to: 'ntfy://me:abc@host/topic', password: insecure abc}]")
    assert "abc" not in channel.label and "abc" not in repr(channel.password)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("notify: desktop", "1:9: notify takes a list"),
        ("notify: [{events: failed}]", "1:10: nobody to tell"),
        ("notify:\n  - to: nobody", "2:9: 'nobody' is no address"),
        ("notify:\n  - to: 'me@example.org\\nBcc: x@example.org'", "2:9: "),
        ("notify:\n  - to: me@example.org", "2:5: mail needs a server"),
        ("notify:\n  - to: desktop\n  - to: desktop", "2:5: 'desktop' is there twice"),
        ("notify:\n  - to: desktop\n    evnts: [failed]", "3:5: a way to tell you has no 'evnts' (did you mean events?)"),
        ("notify:\n  - to: desktop\n    events: [fialed]", "3:14: 'fialed' is no event (did you mean failed?)"),
        ("notify:\n  - to: desktop\n    events: waiting", "3:13: 'waiting' is no event (write how long"),
        ("notify:\n  - to: desktop\n    quiet: at night", "3:12: 'at night' are no quiet hours"),
        ("notify:\n  - to: desktop\n    quiet: 22", "3:12: '22' are no quiet hours (write them as 22:00-07:00)"),
        ("notify:\n  - to: desktop\n    quiet: 7-07:00", "3:12: '7-07:00' begin when they end"),
        ("notify:\n  - to: desktop\n    quiet: 22-24", "3:12: '24' is no time of the day (write it as 08:00; the last"),
        ("notify:\n  - to: desktop\n    at_most: 5", "3:14: '5' is no limit"),
        ("notify:\n  - to: desktop\n    digest: daily", "3:13: 'daily' is no time for a digest"),
        ("notify:\n  - to: desktop\n    smtp: {host: x}", "2:5: smtp is for addresses"),
        ("notify:\n  - to: a@b.c\n    smtp: {host: x, user: me, password: hunter2}", "3:41: a password does not stand"),
        ("notify:\n  - to: a@b.c\n    smtp: {host: x, user: me, security: none}", "3:11: a password is not sent"),
        ("notify:\n  - to: a@b.c\n    smtp: {user: me}", "3:11: smtp needs the host"),
    ],
)  # fmt: skip
def test_a_mistake_has_its_place(text: str, expected: str) -> None:
    found = parse_preferences(text.encode(), "preferences.yaml")
    assert str(found.problems[0]).startswith(f"preferences.yaml:{expected}")
    assert "hunter2" not in str(found.problems)
