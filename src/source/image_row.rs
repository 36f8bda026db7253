//! A row image of the log, read as a row.

use std::borrow::Cow;

use super::{error::SourceError, row_layout::Layout, time_zone::TimeZone};
use crate::{
    binlog::{ColumnInfo, ColumnType, DecodeError, Image, LocalTime, Value},
    row::{Field, Kind, Row},
};

/// The values of one row image, as a SELECT in the office's time zone would show them.
pub struct ImageRow<'a> {
    layout: &'a Layout,
    fields: Vec<Field<'a>>,
}

impl<'a> ImageRow<'a> {
    /// Reads all values of a whole image.
    ///
    /// # Errors
    /// [`SourceError::Row`] if the image does not fit the layout, or a value has no text: bytes that are not of the
    /// column's character set.
    pub fn new(image: &'a [u8], layout: &'a Layout, zone: &TimeZone) -> Result<Self, SourceError> {
        Self::read(Image::whole(image, &layout.columns), layout, zone)
    }

    /// Reads the values that an image holds, those of the bitmap `present`; the others are [`Field::Absent`].
    ///
    /// # Errors
    /// As [`ImageRow::new`].
    pub fn partial(
        image: &'a [u8],
        present: &'a [u8],
        layout: &'a Layout,
        zone: &TimeZone,
    ) -> Result<Self, SourceError> {
        Self::read(Image::new(image, present), layout, zone)
    }

    fn read(image: Image<'a>, layout: &'a Layout, zone: &TimeZone) -> Result<Self, SourceError> {
        let failed = |error| SourceError::Row { table: layout.table.clone(), error };
        let mut fields = Vec::with_capacity(layout.columns.len());
        for value in image.values(&layout.columns) {
            let (index, value) = value.map_err(failed)?;
            let Some(column) = layout.columns.get(index) else { continue };
            // Those before it that the image lacks.
            fields.resize(index, Field::Absent);
            fields.push(field(value, column, zone).map_err(|error| failed(error.in_column(index)))?);
        }
        Ok(Self { layout, fields })
    }
}

impl Row for ImageRow<'_> {
    fn columns(&self) -> &[Box<str>] {
        &self.layout.names
    }

    fn field_at(&self, index: usize) -> Field<'_> {
        self.fields.get(index).cloned().unwrap_or(Field::Absent)
    }

    fn kind_at(&self, index: usize) -> Kind {
        use ColumnType::*;
        match self.layout.columns.get(index) {
            Some(column) if column.is_binary() => Kind::Bytes,
            Some(column) => match column.kind {
                Tiny | Short | Medium | Long | LongLong | Decimal { .. } | Year | Bit { .. } => Kind::Exact,
                Float | Double => Kind::Approximate,
                _ => Kind::Text,
            },
            None => Kind::Text,
        }
    }
}

fn field<'a>(value: Value<'a>, column: &ColumnInfo, zone: &TimeZone) -> Result<Field<'a>, DecodeError> {
    Ok(match value {
        Value::Null => Field::Null,
        Value::Int(number) => Field::Int(number),
        Value::UInt(number) | Value::Bit(number) => Field::UInt(number),
        Value::Double(number) if column.decimals.is_none() => Field::Double(number),
        _ if column.is_binary() => Field::Bytes(value.bytes(column)?.unwrap_or_default()),
        Value::Bytes(_) => Field::Text(value.text(column, zone)?),
        _ => {
            let mut text = String::new();
            value.write_text(column, zone, &mut text)?;
            Field::Text(Cow::Owned(text))
        }
    })
}

impl LocalTime for TimeZone {
    fn local(&self, utc_seconds: i64) -> i64 {
        self.local_seconds(utc_seconds)
    }
}

/// The instant in a TIMESTAMP or DATETIME column of a whole image, in microseconds since 1970 in UTC; `None` for NULL,
/// for zero dates and other dates that no calendar has, and if there is no such column.
///
/// # Errors
/// [`SourceError::Row`] if the image does not fit the layout.
pub fn stamp(image: &[u8], layout: &Layout, column: usize, zone: &TimeZone) -> Result<Option<i64>, SourceError> {
    let failed = |error| SourceError::Row { table: layout.table.clone(), error };
    let value = Image::whole(image, &layout.columns).value(&layout.columns, column).map_err(failed)?;
    Ok(value.and_then(|value| instant(value, zone)))
}

fn instant(value: Value<'_>, zone: &TimeZone) -> Option<i64> {
    let (seconds, micros) = match value {
        Value::Timestamp(instant) if instant.seconds == 0 && instant.micros == 0 => return None,
        Value::Timestamp(instant) => (i64::from(instant.seconds), instant.micros),
        Value::DateTime(date, clock) => {
            let day =
                chrono::NaiveDate::from_ymd_opt(i32::from(date.year), u32::from(date.month), u32::from(date.day))?;
            let time = day.and_hms_opt(u32::from(clock.hours), u32::from(clock.minutes), u32::from(clock.seconds))?;
            (zone.utc_seconds(time.and_utc().timestamp()), clock.micros)
        }
        _ => return None,
    };
    Some(seconds * 1_000_000 + i64::from(micros))
}
