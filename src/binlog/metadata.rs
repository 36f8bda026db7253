//! The optional metadata at the end of a table map: signs, collations, names, labels, the primary key.

use super::columns::ColumnInfo;
use super::error::DecodeError;
use super::input::Input;

const WHAT: &str = "the table map's optional metadata";

const SIGNEDNESS: u8 = 1;
const DEFAULT_CHARSET: u8 = 2;
const COLUMN_CHARSET: u8 = 3;
const COLUMN_NAME: u8 = 4;
const SET_LABELS: u8 = 5;
const ENUM_LABELS: u8 = 6;
const PRIMARY_KEY: u8 = 8;
const PRIMARY_KEY_WITH_PREFIX: u8 = 9;
const LABELS_DEFAULT_CHARSET: u8 = 10;
const LABELS_COLUMN_CHARSET: u8 = 11;

/// Fills in what each field says (MySQL source documentation, "Table_map_event", optional metadata fields) and returns
/// the primary key. Fields of other types are passed over: GEOMETRY_TYPE (7), COLUMN_VISIBILITY (12) and
/// VECTOR_DIMENSIONALITY (13) do not change what a value is.
pub(super) fn read(
    mut input: Input<'_>,
    columns: &mut [ColumnInfo],
    mariadb: bool,
) -> Result<Option<Vec<usize>>, DecodeError> {
    let mut primary_key = None;
    let mut names = false;
    let mut seen = 0;
    while !input.is_empty() {
        let field = input.u8()?;
        let mut value = Input::new(input.packed_bytes()?, WHAT);
        // The servers write each field once. Reading one again and again would take long for few bytes.
        let bit = 1_u32.checked_shl(u32::from(field)).unwrap_or(0);
        if seen & bit != 0 {
            return Err(value.malformed());
        }
        seen |= bit;
        let text = |column: &ColumnInfo| column.kind.has_collation(mariadb);
        let labelled = |column: &ColumnInfo| column.kind.has_labels();
        match field {
            SIGNEDNESS => signs(value.rest(), columns)?,
            DEFAULT_CHARSET => default_collations(&mut value, columns, text)?,
            COLUMN_CHARSET => collations(&mut value, columns, text)?,
            LABELS_DEFAULT_CHARSET => default_collations(&mut value, columns, labelled)?,
            LABELS_COLUMN_CHARSET => collations(&mut value, columns, labelled)?,
            COLUMN_NAME => {
                names = true;
                self::names(&mut value, columns)?;
            }
            ENUM_LABELS => labels(&mut value, columns, |column| matches!(column.kind, super::ColumnType::Enum { .. }))?,
            SET_LABELS => labels(&mut value, columns, |column| matches!(column.kind, super::ColumnType::Set { .. }))?,
            PRIMARY_KEY => primary_key = Some(self::primary_key(&mut value, columns.len(), false)?),
            PRIMARY_KEY_WITH_PREFIX => primary_key = Some(self::primary_key(&mut value, columns.len(), true)?),
            _ => {}
        }
    }
    // Names come only with full metadata, which says nothing of a key only where there is none.
    Ok(if names { Some(primary_key.unwrap_or_default()) } else { primary_key })
}

/// One bit for each numeric column, from the highest of the first byte.
fn signs(bits: &[u8], columns: &mut [ColumnInfo]) -> Result<(), DecodeError> {
    let signed = columns.iter_mut().filter(|column| column.kind.has_sign());
    for (index, column) in signed.enumerate() {
        let Some(byte) = bits.get(index / 8) else {
            return Err(DecodeError::Malformed { what: WHAT });
        };
        column.unsigned = Some(byte & (0x80 >> (index % 8)) != 0);
    }
    Ok(())
}

fn collation(value: &mut Input<'_>) -> Result<u16, DecodeError> {
    u16::try_from(value.packed()?).map_err(|_| value.malformed())
}

/// The collation of most columns, then pairs of a column (counted among its kind) and its own collation.
fn default_collations(
    value: &mut Input<'_>,
    columns: &mut [ColumnInfo],
    belongs: impl Fn(&ColumnInfo) -> bool,
) -> Result<(), DecodeError> {
    let default = collation(value)?;
    let mut members: Vec<_> = columns.iter_mut().filter(|column| belongs(column)).collect();
    members.iter_mut().for_each(|column| column.collation = Some(default));
    while !value.is_empty() {
        let index = usize::try_from(value.packed()?).unwrap_or(usize::MAX);
        let own = collation(value)?;
        match members.get_mut(index) {
            Some(column) => column.collation = Some(own),
            None => return Err(value.malformed()),
        }
    }
    Ok(())
}

/// The collation of each column of its kind.
fn collations(
    value: &mut Input<'_>,
    columns: &mut [ColumnInfo],
    belongs: impl Fn(&ColumnInfo) -> bool,
) -> Result<(), DecodeError> {
    for column in columns.iter_mut().filter(|column| belongs(column)) {
        column.collation = Some(collation(value)?);
    }
    if value.is_empty() { Ok(()) } else { Err(value.malformed()) }
}

fn names(value: &mut Input<'_>, columns: &mut [ColumnInfo]) -> Result<(), DecodeError> {
    for column in columns.iter_mut() {
        let name = std::str::from_utf8(value.packed_bytes()?).map_err(|_| value.malformed())?;
        column.name = Some(name.into());
    }
    if value.is_empty() { Ok(()) } else { Err(value.malformed()) }
}

fn labels(
    value: &mut Input<'_>,
    columns: &mut [ColumnInfo],
    belongs: impl Fn(&ColumnInfo) -> bool,
) -> Result<(), DecodeError> {
    for column in columns.iter_mut().filter(|column| belongs(column)) {
        let count = value.packed_length()?;
        let mut labels = Vec::new();
        for _ in 0..count {
            labels.push(value.packed_bytes()?.into());
        }
        column.labels = Some(labels.into());
    }
    if value.is_empty() { Ok(()) } else { Err(value.malformed()) }
}

fn primary_key(value: &mut Input<'_>, columns: usize, prefixes: bool) -> Result<Vec<usize>, DecodeError> {
    let mut key = Vec::new();
    while !value.is_empty() {
        match usize::try_from(value.packed()?) {
            Ok(column) if column < columns => key.push(column),
            _ => return Err(value.malformed()),
        }
        if prefixes {
            value.packed()?;
        }
    }
    Ok(key)
}
