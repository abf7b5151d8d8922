"""The tables of neronet.db, and the way from one version of them to the next.

attempts  what became of each start of a run; a run is shown with its last one (`runs.SHOWN`); environment: what
          it ran on, as JSON, where the node told it
heads     the key is (run << 16) + attempt: all its series, packed by heads.py; marks are the offsets of the last
          lines of its streams (see wire/messages.py) of which points were stored, as "12 -1 40"
extractors  what is read here from the logs of an experiment's runs: see extractors.py
events    data: the numbers behind the text, as JSON, where there are any; an id never comes twice, also when runs
          were deleted: those who follow what happens remember the last one
notify_marks: how far each channel of notifications has looked; outbox: what it is to tell (see outbox.py)
chunks    the points.  The key is (series << 32) + number of the chunk's first point, so that the points of a
          series lie together and in order without a second index.
"""

from __future__ import annotations

VERSION = 2
APPLICATION = 0x4E65726F  # "Nero", in the header of the file: tells our databases from others

SINCE_2 = """
CREATE TABLE notify_marks (
    channel TEXT PRIMARY KEY,
    event INTEGER NOT NULL,
    time REAL NOT NULL,
    points TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('gathering', 'due', 'sending', 'sent', 'failed', 'unsure')),
    gathered TEXT NOT NULL,
    made REAL NOT NULL,
    due REAL NOT NULL,
    tries INTEGER NOT NULL DEFAULT 0,
    changed REAL NOT NULL,
    subject TEXT NOT NULL DEFAULT '',
    problem TEXT NOT NULL DEFAULT ''
);
CREATE INDEX outbox_open ON outbox (state) WHERE state IN ('gathering', 'due', 'sending');

CREATE TABLE extractors (
    experiment TEXT NOT NULL,
    number INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    arguments TEXT NOT NULL,
    created REAL NOT NULL,
    last INTEGER,
    PRIMARY KEY (experiment, number)
) WITHOUT ROWID;
"""

TABLES = (
    """
CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT INTO meta VALUES ('change', 0), ('clean', 1);

CREATE TABLE experiments (
    id TEXT PRIMARY KEY,
    folder BLOB NOT NULL,
    collections TEXT NOT NULL,
    config_sha256 TEXT NOT NULL,
    spec TEXT NOT NULL,
    added REAL NOT NULL
) WITHOUT ROWID;

CREATE TABLE batches (
    token TEXT PRIMARY KEY,
    node TEXT NOT NULL,
    place TEXT NOT NULL,
    experiment TEXT NOT NULL,
    manifest TEXT NOT NULL,
    first INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('sending', 'accepted', 'final', 'tidied')),
    since REAL NOT NULL,
    content TEXT NOT NULL
);

CREATE TABLE runs (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    experiment TEXT NOT NULL,
    collections TEXT NOT NULL,
    parameters TEXT NOT NULL,
    argv TEXT NOT NULL,
    snapshot TEXT NOT NULL,
    submitted REAL NOT NULL,
    note TEXT NOT NULL,
    priority INTEGER NOT NULL,
    results TEXT NOT NULL,
    point_key TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    tags TEXT NOT NULL DEFAULT '[]'
);
CREATE INDEX runs_point_key ON runs (point_key);
CREATE INDEX runs_changed ON runs (changed);

CREATE TABLE attempts (
    run INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    token TEXT NOT NULL,
    idx INTEGER NOT NULL,
    start INTEGER NOT NULL,
    node TEXT NOT NULL,
    state TEXT NOT NULL,
    reported TEXT NOT NULL,
    reason TEXT NOT NULL DEFAULT '',
    complete INTEGER NOT NULL DEFAULT 0,
    exit_status INTEGER,
    claimed REAL,
    started REAL,
    ended REAL,
    host TEXT,
    gpus TEXT,
    sizes TEXT,
    outputs TEXT,
    environment TEXT,
    PRIMARY KEY (run, attempt),
    UNIQUE (token, idx, start)
);
CREATE INDEX attempts_open ON attempts (node) WHERE complete = 0;

CREATE TABLE journals (
    token TEXT NOT NULL,
    name TEXT NOT NULL,
    position INTEGER NOT NULL,
    PRIMARY KEY (token, name)
) WITHOUT ROWID;

CREATE TABLE streams (
    run INTEGER NOT NULL,
    attempt INTEGER NOT NULL,
    stream INTEGER NOT NULL,
    generation INTEGER NOT NULL DEFAULT 0,
    physical INTEGER NOT NULL DEFAULT 0,
    mirrored INTEGER NOT NULL DEFAULT 0,
    final INTEGER,
    done INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (run, attempt, stream)
) WITHOUT ROWID;

CREATE TABLE metrics (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

CREATE TABLE heads (
    id INTEGER PRIMARY KEY,
    marks TEXT NOT NULL,
    data BLOB NOT NULL
);

CREATE TABLE chunks (id INTEGER PRIMARY KEY, n INTEGER NOT NULL, data BLOB NOT NULL);

CREATE TABLE events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    run INTEGER,
    attempt INTEGER,
    node TEXT,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    data TEXT
);
CREATE INDEX events_run ON events (run) WHERE run IS NOT NULL;
CREATE INDEX events_time ON events (time);

CREATE TABLE intents (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    created REAL NOT NULL,
    taken TEXT,
    done REAL,
    ok INTEGER,
    result TEXT
);
CREATE INDEX intents_open ON intents (number) WHERE done IS NULL;

CREATE TABLE nodes (
    id TEXT PRIMARY KEY,
    place TEXT,
    reachable INTEGER,
    last_seen REAL,
    reason TEXT NOT NULL DEFAULT '',
    facts TEXT,
    load TEXT
) WITHOUT ROWID;

CREATE TABLE files (key TEXT PRIMARY KEY, sha256 TEXT NOT NULL) WITHOUT ROWID;
"""
    + SINCE_2
)

FROM_1 = """
CREATE TABLE heads_2 (id INTEGER PRIMARY KEY, marks TEXT NOT NULL, data BLOB NOT NULL);
INSERT INTO heads_2 SELECT id, mark0 || ' ' || mark1 || ' ' || mark2, data FROM heads;
DROP TABLE heads;
ALTER TABLE heads_2 RENAME TO heads;
CREATE TABLE events_2 (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    time REAL NOT NULL,
    run INTEGER,
    attempt INTEGER,
    node TEXT,
    kind TEXT NOT NULL,
    text TEXT NOT NULL,
    data TEXT
);
INSERT INTO events_2 SELECT id, time, run, attempt, node, kind, text, NULL FROM events;
DROP TABLE events;
ALTER TABLE events_2 RENAME TO events;
CREATE INDEX events_run ON events (run) WHERE run IS NOT NULL;
CREATE INDEX events_time ON events (time);
ALTER TABLE runs ADD COLUMN tags TEXT NOT NULL DEFAULT '[]';
ALTER TABLE attempts ADD COLUMN environment TEXT;
"""

# MIGRATIONS[n] leads from version n to n + 1.  A script never changes once it was released.
MIGRATIONS: dict[int, str] = {
    1: FROM_1 + SINCE_2,
}
