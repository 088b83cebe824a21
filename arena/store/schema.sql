-- A run's record. One writer; any number of readers while it is written (WAL).
CREATE TABLE task (
    hash TEXT PRIMARY KEY,      -- content hash: what the task is
    id   TEXT NOT NULL,         -- its name
    data TEXT NOT NULL          -- JSON of the whole Task, so that a run can be replayed without its data set
) WITHOUT ROWID;

CREATE TABLE episode (
    id                INTEGER PRIMARY KEY,
    contestant        TEXT NOT NULL,
    task_hash         TEXT NOT NULL REFERENCES task(hash),
    task              TEXT NOT NULL,
    seed              INTEGER NOT NULL,
    repeat            INTEGER NOT NULL,
    attempt           INTEGER NOT NULL,
    status            TEXT NOT NULL CHECK (status IN ('running', 'done', 'error', 'superseded')),
    goal              TEXT NOT NULL DEFAULT '',
    first_observation TEXT NOT NULL DEFAULT '',
    turns             INTEGER NOT NULL DEFAULT 0,
    progress          REAL NOT NULL DEFAULT 0,
    success           INTEGER NOT NULL DEFAULT 0,
    error             TEXT NOT NULL DEFAULT '',
    provenance        TEXT NOT NULL DEFAULT '{}',   -- JSON: grading version, engine build, template, parser
    started_at        REAL NOT NULL,
    ended_at          REAL NOT NULL DEFAULT 0
);
-- what makes resume exact: one attempt at most that counts
CREATE UNIQUE INDEX episode_key ON episode (contestant, task_hash, seed, repeat) WHERE status != 'superseded';
-- counting attempts shall not look at every episode of the run
CREATE INDEX episode_superseded ON episode (contestant, task_hash, seed, repeat) WHERE status = 'superseded';

CREATE TABLE turn (
    id                INTEGER PRIMARY KEY,
    episode_id        INTEGER NOT NULL REFERENCES episode(id),
    idx               INTEGER NOT NULL,             -- from 0
    reply             TEXT NOT NULL,
    thought           TEXT NOT NULL,
    action            TEXT,
    failure_kind      TEXT,
    failure           TEXT,                         -- JSON of the Failure
    outcome           TEXT NOT NULL,                -- the next turn's observation
    valid             INTEGER NOT NULL,
    progress          REAL NOT NULL,
    success           INTEGER NOT NULL,
    subgoals          TEXT NOT NULL,                -- JSON: name -> done
    scores            TEXT NOT NULL,                -- JSON: the benchmark's own scores and their grading
    finish_reason     TEXT NOT NULL,
    prompt_tokens     INTEGER NOT NULL,
    completion_tokens INTEGER NOT NULL,
    cached_tokens     INTEGER NOT NULL,
    thought_tokens    INTEGER NOT NULL,
    latency_s         REAL NOT NULL,
    env_s             REAL NOT NULL,
    prompt_hash       TEXT NOT NULL,
    dropped_items     INTEGER NOT NULL,
    UNIQUE (episode_id, idx)
);
CREATE INDEX turn_failure ON turn (failure_kind) WHERE failure_kind IS NOT NULL;

CREATE TABLE event (
    id         INTEGER PRIMARY KEY,                 -- grows over the whole run: readers follow it
    at         REAL NOT NULL,                       -- seconds since 1970
    kind       TEXT NOT NULL,                       -- episode_started, turn_played, episode_ended, notice
    episode_id INTEGER REFERENCES episode(id),
    turn_idx   INTEGER,                             -- turn_played: which turn of the episode
    data       TEXT NOT NULL DEFAULT '{}'
);
