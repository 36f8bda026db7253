//! Files cut off at every byte and with every single bit flipped: an error, or the right rows; never others, never a
//! silent end (rule R4).

use std::collections::HashMap;
use std::fs;
use std::num::NonZero;
use std::sync::Mutex;
use std::thread;

use opendental_cdc::binlog::{Checksum, Decoder, EventBody, FileEvents, RowChange, Rows, TableColumns, Utc};

use crate::corpus;

/// Larger files take too long, since each of their bits is flipped.
const LARGEST: usize = 1500;
/// The bytes in front of the first event.
const MAGIC: usize = 4;
/// Where an event has the byte whose lowest bit says that its file is in use.
const FLAGS: usize = 17;

/// What a reader makes of a file up to its end or its first error.
#[derive(Debug, PartialEq)]
struct Outcome {
    rows: Vec<String>,
    error: Option<String>,
}

fn read(file: &[u8]) -> Outcome {
    let mut reader = Reader::default();
    let error = reader.file(file).err();
    Outcome { rows: reader.rows, error }
}

#[derive(Default)]
struct Reader {
    tables: HashMap<u64, (String, TableColumns)>,
    rows: Vec<String>,
}

impl Reader {
    fn file(&mut self, file: &[u8]) -> Result<(), String> {
        let mut decoder = Decoder::new();
        let mut events = FileEvents::new(file).map_err(|error| error.to_string())?;
        while let Some((_, event)) = events.next_event().map_err(|error| error.to_string())? {
            match decoder.decode(event).map_err(|error| error.to_string())?.body {
                EventBody::TransactionPayload(mut payload) => {
                    while let Some(event) = payload.next_event().map_err(|error| error.to_string())? {
                        self.event(event.body)?;
                    }
                }
                body => self.event(body)?,
            }
        }
        Ok(())
    }

    fn event(&mut self, body: EventBody<'_>) -> Result<(), String> {
        match body {
            EventBody::TableMap(map) => {
                let name = String::from_utf8_lossy(&[map.schema, b".", map.table].concat()).into_owned();
                let columns = map.columns().map_err(|error| error.to_string())?;
                self.tables.insert(map.table_id, (name, columns));
            }
            EventBody::Rows(rows) => self.take(&rows)?,
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, rows: &Rows<'_>) -> Result<(), String> {
        let (name, columns) = self.tables.get(&rows.table_id).ok_or("rows without a table map")?;
        for change in rows.iter(columns).map_err(|error| error.to_string())? {
            let RowChange { before, after } = change.map_err(|error| error.to_string())?;
            let mut shown = name.clone();
            for (side, image) in [("before", before), ("after", after)] {
                for value in image.into_iter().flat_map(|image| image.values(columns)) {
                    let (index, value) = value.map_err(|error| error.to_string())?;
                    let column = columns.get(index).unwrap();
                    let text = value.text(column, &Utc).map_err(|_| value.bytes(column));
                    shown += &format!(
                        " {side} {:?} {text:?}",
                        column.name.as_ref().map_or(index.to_string(), ToString::to_string)
                    );
                }
            }
            self.rows.push(shown);
        }
        Ok(())
    }
}

/// A small file.
struct File {
    name: String,
    bytes: Vec<u8>,
    /// Every event has a checksum.
    checked: bool,
    /// How long the event is that says so.
    format: usize,
    /// Its server has closed it, so that its end can be known.
    closed: bool,
}

fn small_files() -> Vec<File> {
    let mut files = Vec::new();
    for path in corpus() {
        let bytes = fs::read(&path).unwrap();
        if bytes.len() > LARGEST || path.extension().is_some_and(|extension| extension == "gz") {
            continue;
        }
        let mut decoder = Decoder::new();
        let mut events = FileEvents::new(&*bytes).unwrap();
        let (_, first) = events.next_event().unwrap().unwrap();
        let (closed, format) = (first[FLAGS] & 1 == 0, first.len());
        decoder.decode(first).unwrap();
        let checked = decoder.format().unwrap().checksum == Checksum::Crc32;
        files.push(File { name: path.display().to_string(), bytes, checked, format, closed });
    }
    assert!(files.iter().filter(|file| file.checked && file.closed).count() > 1);
    files
}

/// Runs `prove` with every small file, on all processors.
fn prove(prove: impl Fn(&File) + Sync) {
    let files = Mutex::new(small_files());
    let next = || files.lock().unwrap().pop();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(2, NonZero::get) {
            scope.spawn(|| {
                while let Some(file) = next() {
                    prove(&file);
                }
            });
        }
    });
}

#[test]
fn r4_a_file_cut_off_anywhere_says_so_and_gives_no_other_rows() {
    prove(|file| {
        let whole = read(&file.bytes);
        for length in 0..file.bytes.len() {
            let cut = read(&file.bytes[..length]);
            assert!(whole.rows.starts_with(&cut.rows), "{} cut off at {length}", file.name);
            assert!(!file.closed || cut.error.is_some(), "{} cut off at {length} in silence", file.name);
        }
    });
}

#[test]
fn r4_a_flipped_bit_is_an_error_or_changes_no_row() {
    prove(|file| {
        let whole = read(&file.bytes);
        let mut damaged = file.bytes.clone();
        for bit in 0..damaged.len() * 8 {
            damaged[bit / 8] ^= 1 << (bit % 8);
            let outcome = read(&damaged);
            damaged[bit / 8] ^= 1 << (bit % 8);
            let same = outcome.rows == whole.rows;
            let right = if outcome.error.is_some() { whole.rows.starts_with(&outcome.rows) } else { same };
            assert!(right || !file.checked, "bit {} of byte {} of {}", bit % 8, bit / 8, file.name);
            // Nothing behind the first event can be trusted if that one says that there are no checksums.
            let in_format = bit / 8 < MAGIC + file.format && bit != (MAGIC + FLAGS) * 8;
            let refused = outcome.error.is_some() && outcome.rows.is_empty();
            assert!(refused || !in_format || !file.checked, "bit {} of byte {} of {}", bit % 8, bit / 8, file.name);
        }
    });
}
