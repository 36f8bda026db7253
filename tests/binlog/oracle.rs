//! What `mariadb-binlog -vv` and `mysqlbinlog -vv` print of a file's rows, and whether our values say the same.

use std::path::{Path, PathBuf};
use std::process::Command;

use opendental_cdc::binlog::{ColumnInfo, ColumnType, TableColumns, Utc, Value};

/// One row image as the programs print it.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Printed {
    /// `schema.table`.
    pub(crate) table: String,
    /// Column numbers from 1 with the text behind `=`; without columns of which only the changes are told.
    pub(crate) columns: Vec<(usize, Vec<u8>)>,
}

const ARGUMENTS: [&str; 3] = ["--no-defaults", "-vv", "--base64-output=decode-rows"];

/// The row images in a file, in order, as MariaDB's program prints them; `None` where it is not installed.
pub(crate) fn images_by_mariadb(file: &Path) -> Option<Vec<Printed>> {
    match Command::new("mariadb-binlog").env("TZ", "UTC").args(ARGUMENTS).arg(file).output() {
        Ok(output) => Some(read(&output.stdout)),
        Err(_) => {
            println!("not compared: mariadb-binlog is not installed");
            None
        }
    }
}

/// The same as MySQL's program prints them; `None` where it has not been fetched.
pub(crate) fn images_by_mysql(file: &Path) -> Option<Vec<Printed>> {
    let fetched = std::env::var_os("CDC_TEST_SERVERS").filter(|set| !set.is_empty()).map(PathBuf::from);
    let fetched = fetched.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers"));
    let program = fetched.join("mysql-9.7/mysqlbinlog");
    if !program.exists() {
        println!("not compared: scripts/fetch-servers has not brought mysqlbinlog");
        return None;
    }
    let output = Command::new(program).env("TZ", "UTC").args(ARGUMENTS).arg(file).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(read(&output.stdout))
}

fn read(output: &[u8]) -> Vec<Printed> {
    let mut images: Vec<Printed> = Vec::new();
    let mut table = String::new();
    for line in output.split(|byte| *byte == b'\n') {
        let Some(line) = line.strip_prefix(b"### ") else { continue };
        if line == b"SET" || line == b"WHERE" {
            images.push(Printed { table: table.clone(), columns: Vec::new() });
        } else if let Some(column) = line.strip_prefix(b"  @") {
            let equals = column.iter().position(|byte| *byte == b'=').unwrap();
            let number = std::str::from_utf8(&column[..equals]).unwrap().parse().unwrap();
            let text = &column[equals + 1..];
            let comment = text.windows(4).rposition(|window| window == b" /* ").unwrap_or(text.len());
            let text = text[..comment].trim_ascii_end().to_vec();
            if !text.starts_with(b"JSON_") && !text.starts_with(b"@") {
                images.last_mut().unwrap().columns.push((number, text));
            }
        } else if let Some(start) = line.iter().position(|byte| *byte == b'`') {
            table = String::from_utf8_lossy(&line[start..]).replace('`', "");
        }
    }
    images
}

/// Panics where a value of ours and what was printed differ.
pub(crate) fn assert_same(columns: &TableColumns, index: usize, value: Value<'_>, printed: &[u8]) {
    let column = columns.get(index).unwrap();
    let text = String::from_utf8_lossy(printed);
    let same = match value {
        Value::Null => text == "NULL",
        Value::Int(value) => text.split(' ').next() == Some(&value.to_string()),
        Value::UInt(value) => text == value.to_string() || text.ends_with(&format!(" ({value})")),
        Value::Float(value) => close(f64::from(value), &text, 1e-5),
        Value::Double(value) => close(value, &text, 1e-14),
        // They print compressed values as they are in the log.
        Value::Bytes(bytes) | Value::Compressed(bytes) => {
            printed == quoted(bytes, b"") || printed == quoted(bytes, b"\x08\n\r\t\\'")
        }
        Value::Year(0) => text == "1900",
        Value::Enum(number) => text == number.to_string(),
        Value::Set(bits) | Value::Bit(bits) => {
            u64::from_str_radix(text.trim_start_matches("b'").trim_end_matches('\''), 2) == Ok(bits)
        }
        Value::Timestamp(instant) => {
            let fraction = fraction(column);
            let micros = instant.micros / 10u32.pow(6 - fraction);
            match fraction {
                0 => text == instant.seconds.to_string(),
                width => text == format!("{}.{micros:0width$}", instant.seconds, width = width as usize),
            }
        }
        Value::Date(_) => text.trim_matches('\'').replace(':', "-") == our_text(value, column),
        // A document that is nothing but a text is printed without its quotes.
        Value::Json(_) => text.trim_matches('\'').trim_matches('"') == our_text(value, column).trim_matches('"'),
        _ => text.trim_matches('\'') == our_text(value, column),
    };
    assert!(same, "column {} {:?}: {text}, but ours is {}", index + 1, column.kind, our_text(value, column));
}

fn our_text(value: Value<'_>, column: &ColumnInfo) -> String {
    let mut text = String::new();
    match value.write_text(column, &Utc, &mut text) {
        Ok(()) => text,
        Err(error) => format!("<{error}> {:?}", value.bytes(column)),
    }
}

fn fraction(column: &ColumnInfo) -> u32 {
    match column.kind {
        ColumnType::Timestamp { fraction } => u32::from(fraction),
        _ => 0,
    }
}

fn close(value: f64, text: &str, tolerance: f64) -> bool {
    text.parse::<f64>().is_ok_and(|printed| (printed - value).abs() <= value.abs() * tolerance)
}

/// Bytes as they are printed: in quotes, control characters as `\xNN`, all else as it is. MySQL's program puts a
/// backslash before some characters.
fn quoted(bytes: &[u8], escaped: &[u8]) -> Vec<u8> {
    let mut printed = vec![b'\''];
    for byte in bytes {
        match byte {
            8 if escaped.contains(byte) => printed.extend(b"\\b"),
            b'\n' if escaped.contains(byte) => printed.extend(b"\\n"),
            b'\r' if escaped.contains(byte) => printed.extend(b"\\r"),
            b'\t' if escaped.contains(byte) => printed.extend(b"\\t"),
            byte if escaped.contains(byte) => printed.extend([b'\\', *byte]),
            0..=0x1f => printed.extend(format!("\\x{byte:02x}").into_bytes()),
            byte => printed.push(*byte),
        }
    }
    printed.push(b'\'');
    printed
}
