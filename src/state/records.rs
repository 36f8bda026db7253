//! Between values and the rows of the state file.

use std::{fmt, path::Path, sync::LazyLock};

use serde::{Serialize, de::DeserializeOwned};
use sqlx::{
    Row, Sqlite,
    query::Query,
    sqlite::{SqliteArguments, SqliteRow},
};

use super::{Cursor, SavedLayout, SavedSubscription, SavedWindow, StateError};
use crate::{
    binlog::{LogPoint, Position},
    row::RowKey,
};

/// How many subscriptions one statement writes where there are many: each statement is a hand-over to the thread that
/// SQLite works in, which costs more than the writing.
pub(super) const CHUNK: usize = 32;

/// Writes one subscription.
pub(super) static UPSERT_SUBSCRIPTION: LazyLock<String> = LazyLock::new(|| upsert_subscriptions(1));

/// Writes [`CHUNK`] subscriptions.
pub(super) static UPSERT_CHUNK: LazyLock<String> = LazyLock::new(|| upsert_subscriptions(CHUNK));

const SUBSCRIPTION_COLUMNS: [&str; 27] = [
    "num",
    "fingerprint",
    "cursor_file",
    "cursor_offset",
    "resume_file",
    "resume_offset",
    "resume_gtids",
    "last_instant",
    "last_seen",
    "pending",
    "window_number",
    "catch_up",
    "window_from_file",
    "window_from_offset",
    "window_to_file",
    "window_to_offset",
    "window_resume_file",
    "window_resume_offset",
    "window_resume_gtids",
    "window_instant",
    "window_local",
    "progress_stamp",
    "progress_key",
    "event_end_stamp",
    "event_end_key",
    "window_catch_up",
    "paused_until",
];

fn upsert_subscriptions(rows: usize) -> String {
    format!("INSERT OR REPLACE INTO subscription {}", self::rows(&SUBSCRIPTION_COLUMNS, rows))
}

/// The part of an INSERT behind the table's name, for so many rows.
pub(super) fn rows(columns: &[&str], count: usize) -> String {
    let row = format!("({})", vec!["?"; columns.len()].join(","));
    format!("({}) VALUES {}", columns.join(", "), vec![row; count].join(","))
}

pub(super) const UPSERT_LOG_FILE: &str = "INSERT OR REPLACE INTO log_file (number, made) VALUES (?,?)";

pub(super) const UPSERT_LAYOUT: &str =
    "INSERT OR REPLACE INTO layout (table_name, file, offset, layout) VALUES (?,?,?,?)";

pub(super) type Bound<'q> = Query<'q, Sqlite, SqliteArguments>;

/// Fills in one row of [`UPSERT_SUBSCRIPTION`] or [`UPSERT_CHUNK`].
pub(super) fn bind_subscription<'q>(query: Bound<'q>, saved: &'q SavedSubscription) -> Result<Bound<'q>, StateError> {
    let window = saved.window.as_ref();
    let query = query.bind(saved.num).bind(&saved.fingerprint);
    let query = bind_point(query, saved.cursor.as_ref().map(|cursor| cursor.point))?;
    let query = bind_position(query, saved.cursor.as_ref().map(|cursor| &cursor.resume))?;
    let query = query
        .bind(saved.last_instant)
        .bind(&saved.last_seen)
        .bind(&saved.pending)
        .bind(number("window number", saved.window_number)?)
        .bind(saved.catch_up);
    let query = bind_point(query, window.map(|window| window.from))?;
    let query = bind_point(query, window.map(|window| window.to))?;
    let query = bind_position(query, window.map(|window| &window.resume))?;
    let query = query.bind(window.map(|window| window.instant)).bind(window.map(|window| &window.local));
    let query = bind_element(query, window.and_then(|window| window.progress.as_ref()));
    let query = bind_element(query, window.and_then(|window| window.event_end.as_ref()));
    Ok(query.bind(window.and_then(|window| window.catch_up)).bind(saved.paused_until))
}

/// Fills in [`UPSERT_LAYOUT`].
pub(super) fn bind_layout<'q>(query: Bound<'q>, saved: &'q SavedLayout) -> Result<Bound<'q>, StateError> {
    Ok(bind_point(query.bind(&saved.table), Some(saved.point))?.bind(&saved.json))
}

/// Binds the number of a file of the log.
pub(super) fn bind_log_file(query: Bound<'_>, file: u64) -> Result<Bound<'_>, StateError> {
    Ok(query.bind(number("binlog file number", file)?))
}

/// Binds a point's two columns.
pub(super) fn bind_point(query: Bound<'_>, point: Option<LogPoint>) -> Result<Bound<'_>, StateError> {
    let file = point.map(|point| number("binlog file number", point.file)).transpose()?;
    let offset = point.map(|point| number("binlog offset", point.offset)).transpose()?;
    Ok(query.bind(file).bind(offset))
}

fn bind_position<'q>(query: Bound<'q>, position: Option<&'q Position>) -> Result<Bound<'q>, StateError> {
    let offset = position.map(|position| number("binlog offset", position.offset)).transpose()?;
    let gtids = position.and_then(|position| position.gtids.as_ref());
    Ok(query.bind(position.map(|position| &position.file)).bind(offset).bind(gtids.map(json)))
}

fn bind_element<'q>(query: Bound<'q>, element: Option<&(i64, RowKey)>) -> Bound<'q> {
    query.bind(element.map(|(stamp, _)| *stamp)).bind(element.map(|(_, key)| json(key)))
}

fn json(value: &impl Serialize) -> String {
    // None of these types has a map with keys that are no text, nor an own Serialize that fails.
    serde_json::to_string(value).unwrap_or_default()
}

pub(super) fn number(what: &'static str, number: u64) -> Result<i64, StateError> {
    i64::try_from(number).map_err(|_| StateError::TooLarge { what, number })
}

/// Reads the columns of one row, by name.
pub(super) struct Record<'a> {
    pub(super) path: &'a Path,
    pub(super) row: &'a SqliteRow,
}

impl Record<'_> {
    pub(super) fn subscription(&self) -> Result<SavedSubscription, StateError> {
        let cursor = match self.point("cursor_file", "cursor_offset")? {
            Some(point) => Some(Cursor { point, resume: self.required("resume_file", self.position("resume")?)? }),
            None => None,
        };
        Ok(SavedSubscription {
            num: self.get("num")?,
            fingerprint: self.get("fingerprint")?,
            cursor,
            last_instant: self.get("last_instant")?,
            last_seen: self.get("last_seen")?,
            pending: self.get("pending")?,
            paused_until: self.get("paused_until")?,
            window_number: self.unsigned("window_number", self.get("window_number")?)?,
            window: self.window()?,
            catch_up: self.get("catch_up")?,
        })
    }

    pub(super) fn layout(&self) -> Result<SavedLayout, StateError> {
        Ok(SavedLayout {
            table: self.get("table_name")?,
            point: self.required("file", self.point("file", "offset")?)?,
            json: self.get("layout")?,
        })
    }

    pub(super) fn log_file(&self) -> Result<(u64, u32), StateError> {
        let made = self.unsigned("made", self.get("made")?)?;
        let made = u32::try_from(made).map_err(|_| self.damaged("made", "is too large"))?;
        Ok((self.unsigned("number", self.get("number")?)?, made))
    }

    fn window(&self) -> Result<Option<SavedWindow>, StateError> {
        let Some(instant) = self.get("window_instant")? else { return Ok(None) };
        Ok(Some(SavedWindow {
            from: self.required("window_from_file", self.point("window_from_file", "window_from_offset")?)?,
            to: self.required("window_to_file", self.point("window_to_file", "window_to_offset")?)?,
            resume: self.required("window_resume_file", self.position("window_resume")?)?,
            instant,
            local: self.get("window_local")?,
            progress: self.element("progress_stamp", "progress_key")?,
            event_end: self.element("event_end_stamp", "event_end_key")?,
            catch_up: self.get("window_catch_up")?,
        }))
    }

    fn point(&self, file: &str, offset: &str) -> Result<Option<LogPoint>, StateError> {
        let Some(number) = self.get(file)? else { return Ok(None) };
        let file = self.unsigned(file, number)?;
        Ok(Some(LogPoint { file, offset: self.unsigned(offset, self.get(offset)?)? }))
    }

    fn position(&self, prefix: &str) -> Result<Option<Position>, StateError> {
        let Some(file) = self.get(&format!("{prefix}_file"))? else { return Ok(None) };
        let offset = format!("{prefix}_offset");
        let offset = self.unsigned(&offset, self.get(&offset)?)?;
        Ok(Some(Position { file, offset, gtids: self.json(&format!("{prefix}_gtids"))? }))
    }

    fn element(&self, stamp: &str, key: &str) -> Result<Option<(i64, RowKey)>, StateError> {
        let Some(stamp) = self.get(stamp)? else { return Ok(None) };
        Ok(Some((stamp, self.required(key, self.json(key)?)?)))
    }

    fn json<T: DeserializeOwned>(&self, column: &str) -> Result<Option<T>, StateError> {
        let Some(text) = self.get::<Option<String>>(column)? else { return Ok(None) };
        serde_json::from_str(&text).map(Some).map_err(|_| self.damaged(column, "cannot be read"))
    }

    pub(super) fn unsigned(&self, column: &str, number: i64) -> Result<u64, StateError> {
        u64::try_from(number).map_err(|_| self.damaged(column, "is negative"))
    }

    fn required<T>(&self, column: &str, value: Option<T>) -> Result<T, StateError> {
        value.ok_or_else(|| self.damaged(column, "is missing"))
    }

    fn damaged(&self, column: &str, what: impl fmt::Display) -> StateError {
        StateError::damaged(self.path, format_args!("column {column} {what}"))
    }

    pub(super) fn get<'r, T>(&'r self, column: &str) -> Result<T, StateError>
    where
        T: sqlx::Decode<'r, Sqlite> + sqlx::Type<Sqlite>,
    {
        self.row.try_get(column).map_err(|error| StateError::sqlite(self.path, &error))
    }
}
