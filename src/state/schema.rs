//! The tables of the state file. Their comments are for people who look into it with the `sqlite3` program.

/// SQLite's `application_id` of our files: the bytes "odcd".
pub(super) const APPLICATION: i64 = 0x6f64_6364;

/// One step for each schema version, the first from nothing to version 1. A step that has been released is never
/// changed; each sets `user_version` itself.
pub(super) const STEPS: &[&str] = &[V1, V2, V3, V4, V5, V6, V7];

const V1: &str = "
CREATE TABLE bridge (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    instance_id TEXT NOT NULL,   -- random, made with the file
    created TEXT NOT NULL,       -- UTC
    identity TEXT                -- JSON: the server and log that all positions belong to
);
INSERT INTO bridge (id, instance_id, created)
VALUES (1, lower(hex(randomblob(16))), strftime('%Y-%m-%dT%H:%M:%SZ', 'now'));

CREATE TABLE subscription (
    num INTEGER PRIMARY KEY,     -- apisubscription.SubscriptionNum
    fingerprint TEXT NOT NULL,   -- what it was made of: another one is another subscription
    cursor_file INTEGER,         -- delivered up to here: number of the binlog file and offset in it
    cursor_offset INTEGER,
    resume_file TEXT,            -- reading resumes here for it
    resume_offset INTEGER,
    resume_gtids TEXT,           -- JSON
    last_instant INTEGER,        -- of the last closed window, seconds since 1970 UTC
    last_seen TEXT NOT NULL,     -- DateTimeStart as last seen, the server's local time
    pending TEXT,                -- DateTimeStart that is being written
    window_number INTEGER NOT NULL,
    catch_up INTEGER,            -- due for rows stamped since, microseconds since 1970 UTC
    window_from_file INTEGER,    -- the closed window that is not delivered yet
    window_from_offset INTEGER,
    window_to_file INTEGER,
    window_to_offset INTEGER,
    window_resume_file TEXT,
    window_resume_offset INTEGER,
    window_resume_gtids TEXT,    -- JSON
    window_instant INTEGER,      -- seconds since 1970 UTC
    window_local TEXT,           -- the same in the server's local time
    progress_stamp INTEGER,      -- last accepted element: stamp in microseconds since 1970 UTC, and primary key
    progress_key TEXT,           -- JSON
    event_end_stamp INTEGER,     -- last element of the event under way
    event_end_key TEXT,          -- JSON
    window_catch_up INTEGER      -- it holds a catch-up for rows stamped since, microseconds since 1970 UTC
);

CREATE TABLE layout (
    table_name TEXT NOT NULL,
    file INTEGER NOT NULL,       -- it holds from here on: number of the binlog file and offset in it
    offset INTEGER NOT NULL,
    layout TEXT NOT NULL,        -- JSON
    PRIMARY KEY (table_name, file, offset)
);

PRAGMA application_id = 1868850020;
PRAGMA user_version = 1;
";

const V2: &str = "
CREATE TABLE delivery (          -- one row for each attempt to send an event, the oldest are removed
    id INTEGER PRIMARY KEY,      -- in the order in which they ended
    ended INTEGER NOT NULL,      -- milliseconds since 1970 UTC: datetime(ended / 1000, 'unixepoch')
    subscription INTEGER NOT NULL, -- apisubscription.SubscriptionNum
    watch_table TEXT NOT NULL,
    window_number INTEGER NOT NULL,
    webhook_id TEXT NOT NULL,    -- the same for all attempts of an event
    elements INTEGER NOT NULL,   -- in the body
    bytes INTEGER NOT NULL,      -- of the body
    status INTEGER,              -- of the answer; NULL: there was none
    failure TEXT,                -- NULL: accepted; else request, name, connect, tls, broken, protocol, time-out or status
    reason TEXT,                 -- the same in words
    took INTEGER NOT NULL        -- milliseconds from sending to the status or the failure
);
CREATE INDEX delivery_subscription ON delivery (subscription, id);

PRAGMA user_version = 2;
";

const V3: &str = "
ALTER TABLE subscription ADD COLUMN
    paused_until INTEGER;        -- no window closes before: seconds since 1970 UTC

PRAGMA user_version = 3;
";

const V4: &str = "
CREATE TABLE log_file (          -- files of the server's log that were read
    number INTEGER PRIMARY KEY,  -- in its name
    made INTEGER NOT NULL        -- by the server, seconds since 1970 UTC: another one under this number is another log
);

PRAGMA user_version = 4;
";

const V5: &str = "
ALTER TABLE bridge ADD COLUMN
    audit TEXT;                  -- JSON: up to where rows were compared with the log

PRAGMA user_version = 5;
";

const V6: &str = "
ALTER TABLE bridge ADD COLUMN
    server_ahead INTEGER;        -- of this machine's clock, seconds

PRAGMA user_version = 6;
";

const V7: &str = "
CREATE TABLE deleted_key (       -- rows whose deletion is not delivered yet, for which there was no room in memory
    watch_table TEXT NOT NULL,
    key BLOB NOT NULL,           -- primary key, in a form that sorts as keys do
    committed INTEGER NOT NULL,  -- when it was deleted, microseconds since 1970 UTC
    file INTEGER NOT NULL,       -- it was deleted at or before here: number of the binlog file and offset in it
    offset INTEGER NOT NULL,
    PRIMARY KEY (watch_table, key)
) WITHOUT ROWID;
CREATE INDEX deleted_key_order ON deleted_key (watch_table, committed, key);

PRAGMA user_version = 7;
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_step_sets_our_application_id_and_its_own_version() {
        assert!(V1.contains(&format!("application_id = {APPLICATION};")));
        for (index, step) in STEPS.iter().enumerate() {
            assert!(step.contains(&format!("user_version = {};", index + 1)));
        }
    }
}
