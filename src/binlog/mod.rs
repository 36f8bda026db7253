//! From bytes to typed events: framing, checksums, table maps, row images, GTIDs of both dialects, values.
//! Knows nothing of Open Dental, SQL or HTTP.
//!
//! A [`Decoder`] turns an event's bytes into an [`Event`]. A [`TableMap`] gives names at once and [`TableColumns`] when
//! asked; with those, [`Rows::iter`] walks row [`Image`]s without looking into them, and [`Image::values`] reads them.
//! Nothing here trusts its input: whatever the bytes, the outcome is a value or a [`DecodeError`].

pub mod charset;
mod column_type;
mod columns;
mod compressed_value;
mod control;
mod decimal;
mod decoder;
mod error;
mod event;
mod event_type;
mod file;
mod fixed_binary;
mod float_text;
mod format;
mod gtid;
mod gtid_event;
mod header;
mod image;
mod input;
mod json;
mod metadata;
mod old_temporal;
mod payload;
mod position;
mod rows;
mod table_map;
mod temporal;
mod value;
mod zlib;

pub use column_type::ColumnType;
pub use columns::{ColumnInfo, TableColumns};
pub use decoder::Decoder;
pub use error::DecodeError;
pub use event::{Event, EventBody, MariadbGtidEvent, Query, XaId};
pub use event_type::{EVENT_TYPES, EventType, Handling};
pub use file::{FileError, FileEvents};
pub use format::{Checksum, Flavor, FormatDescription};
pub use gtid::{GtidError, GtidList, GtidSet, Gtids, MariadbGtid, MysqlGtid, Tag};
#[cfg(any(test, fuzzing))]
pub(crate) use header::FLAG_ARTIFICIAL;
pub use header::Header;
pub use image::{Image, Values};
pub use payload::Payload;
pub use position::{LogPoint, Position};
pub use rows::{KeptRows, RowChange, Rows, RowsIter, RowsKind};
pub use table_map::TableMap;
pub use temporal::{Clock, Date, Instant, LocalTime, Utc};
pub use value::Value;
