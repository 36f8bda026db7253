//! `opendental-cdc decode`: the changes in binlog files on disk.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use chrono::DateTime;
use clap::Args;

use super::change_line::{CommitLine, TableLine};
use super::failure::Failure;
use crate::binlog::{
    DecodeError, Decoder, Event, EventBody, FileError, FileEvents, Flavor, KeptRows, Position, Rows, TableColumns,
    TableMap, Utc,
};
use crate::source::{Assembler, Broken, ChangeKind, Progress, Statement};

/// Bytes read and written at once.
const BUFFER: usize = 256 * 1024;

/// Prints the changes in binlog files on disk, each as one JSON line, without a server. The lines hold patients' data.
///
/// A transaction's changes are printed once its commit has been read; what was rolled back, and updates that change
/// nothing, are left out. TIMESTAMPs are shown in UTC.
/// Columns have their names where the server wrote them (binlog_row_metadata=FULL), else @1, @2 and so on. Bytes that
/// are no text are {"base64": "…"}; so are UUID, INET4 and INET6, since the log does not tell them from BINARY. Nor does
/// it tell the fraction of MariaDB's temporal types from before 10.1, which are read as having none, with a note.
#[derive(Args, Debug)]
pub(super) struct Arguments {
    /// The binlog files, oldest first.
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

pub(super) async fn run(arguments: Arguments) -> Result<(), Failure> {
    // Nothing else runs beside it, so that it may hold up this thread.
    match decode(&arguments.files, BufWriter::with_capacity(BUFFER, io::stdout().lock())) {
        // Whoever read our output has read enough.
        Err(DecodeFailure::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        done => Ok(done?),
    }
}

/// Why the files, or all that is in them, could not be printed.
#[derive(Debug, thiserror::Error)]
enum DecodeFailure {
    #[error("{}: {error}\nat byte {offset}", path.display())]
    File {
        path: PathBuf,
        offset: u64,
        #[source]
        error: FileError,
    },
    #[error("{}: {what}\nat byte {offset}\n{mend}", path.display())]
    Log { path: PathBuf, offset: u64, what: &'static str, mend: &'static str },
    #[error("{statements} statement(s) that may write rows were logged instead of the rows\n{}, the first at byte {offset}\nAll else was printed. Set binlog_format=ROW on the server, for open sessions too", path.display())]
    Statements { path: PathBuf, offset: u64, statements: u64 },
    #[error("the changes cannot be written")]
    Output(#[source] io::Error),
}

fn decode(files: &[PathBuf], out: impl Write) -> Result<(), DecodeFailure> {
    let start = Position { file: String::new(), offset: 0, gtids: None };
    let mut printer = Printer {
        tables: HashMap::new(),
        assembler: Assembler::new(start),
        gtid: None,
        inside: false,
        statements: None,
        unfinished: None,
        lines: Vec::new(),
        out,
    };
    let mut decoder = Decoder::new();
    let mut done = files.iter().try_for_each(|path| printer.file(&mut decoder, path));
    // What was read before an error is printed all the same.
    if let Err(error) = printer.out.flush() {
        done = done.and(Err(DecodeFailure::Output(error)));
    }
    done?;
    printer.unfinished.or(printer.statements).map_or(Ok(()), Err)
}

/// A table map's table.
struct Table {
    /// To know the same map again.
    schema: Box<[u8]>,
    name: Box<[u8]>,
    map: Box<[u8]>,
    columns: TableColumns,
    line: TableLine,
}

/// A rows event that waits for its commit.
struct Pending {
    table: Rc<Table>,
    rows: KeptRows,
}

struct Printer<W> {
    tables: HashMap<u64, Rc<Table>>,
    assembler: Assembler<Pending>,
    /// Of the transaction that is being read, and whether all that it does can be rolled back.
    gtid: Option<(String, bool)>,
    /// The last event was inside a transaction.
    inside: bool,
    /// A [`DecodeFailure::Statements`].
    statements: Option<DecodeFailure>,
    /// The first file whose end is missing. Those behind it are read all the same: it may be as a crash left it.
    unfinished: Option<DecodeFailure>,
    lines: Vec<u8>,
    out: W,
}

/// What one event can fail with; the file and the offset come to it above.
enum EventFailure {
    Decode(DecodeError),
    Log { what: &'static str, mend: &'static str },
    Output(io::Error),
}

impl From<DecodeError> for EventFailure {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

impl<W: Write> Printer<W> {
    fn file(&mut self, decoder: &mut Decoder, path: &Path) -> Result<(), DecodeFailure> {
        let failed = |offset: u64, error: FileError| DecodeFailure::File { path: path.to_owned(), offset, error };
        let file = File::open(path).map_err(|error| failed(0, error.into()))?;
        let reader = BufReader::with_capacity(BUFFER, file);
        let mut events = FileEvents::new(reader).map_err(|error| failed(0, error))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        loop {
            let at = events.offset();
            let (offset, event) = match events.next_event() {
                Ok(Some(event)) => event,
                Ok(None) => break,
                Err(error @ FileError::Unfinished) => {
                    self.unfinished.get_or_insert_with(|| failed(at, error));
                    break;
                }
                Err(error) => return Err(failed(at, error)),
            };
            self.event(decoder, path, &name, offset, event).map_err(|failure| match failure {
                EventFailure::Decode(error) => failed(offset, error.into()),
                EventFailure::Log { what, mend } => DecodeFailure::Log { path: path.to_owned(), offset, what, mend },
                EventFailure::Output(error) => DecodeFailure::Output(error),
            })?;
        }
        if self.inside {
            let what = "the file ends inside a transaction, whose changes are left out";
            let mend = "The server still writes the file, or it died; copy it after FLUSH BINARY LOGS";
            return Err(DecodeFailure::Log { path: path.to_owned(), offset: events.offset(), what, mend });
        }
        Ok(())
    }

    fn event(
        &mut self,
        decoder: &mut Decoder,
        path: &Path,
        file: &str,
        offset: u64,
        bytes: &[u8],
    ) -> Result<(), EventFailure> {
        let mut event = decoder.decode(bytes)?;
        let EventBody::TransactionPayload(payload) = &mut event.body else {
            return self.one(&event, path, file, offset);
        };
        while let Some(inner) = payload.next_event()? {
            self.one(&inner, path, file, offset)?;
        }
        Ok(())
    }

    fn one(&mut self, event: &Event<'_>, path: &Path, file: &str, offset: u64) -> Result<(), EventFailure> {
        let progress = match &event.body {
            EventBody::FormatDescription(_) => {
                self.tables.clear();
                self.assembler.event(event)
            }
            EventBody::TableMap(map) => {
                self.table_map(map)?;
                self.assembler.event(event)
            }
            EventBody::Rows(rows) => {
                let progress = self.assembler.event(event);
                self.rows(rows)?;
                progress
            }
            EventBody::MysqlGtid(gtid) => {
                self.gtid = gtid.map(|gtid| (gtid.to_string(), true));
                self.assembler.event(event)
            }
            EventBody::MariadbGtid(start) => {
                self.gtid = Some((start.gtid.to_string(), start.transactional));
                self.assembler.event(event)
            }
            EventBody::Query(query) => {
                let statement = Statement::read(query.statement);
                if matches!(statement, Statement::Write(_) | Statement::WriteAny) {
                    self.statement_format(path, offset);
                }
                self.assembler.statement(&event.header, &statement, Vec::new())
            }
            EventBody::Incident => {
                return Err(EventFailure::Log {
                    what: "the server says that changes are missing from its log (incident event)",
                    mend: "What lies before was printed; the changes behind it may not be all",
                });
            }
            _ => self.assembler.event(event),
        };
        match progress {
            Ok(Progress::Committed(pending)) => self.committed(event, file, offset, &pending)?,
            Ok(Progress::Boundary) => self.inside = false,
            Ok(Progress::Inside) => self.inside = true,
            Err(Broken(what)) => {
                return Err(EventFailure::Log { what, mend: "Name the files before it too, oldest first" });
            }
        }
        Ok(())
    }

    fn table_map(&mut self, map: &TableMap<'_>) -> Result<(), DecodeError> {
        let is_it = |known: &Rc<Table>| [&*known.schema, &known.name, &known.map] == [map.schema, map.table, map.body];
        if self.tables.get(&map.table_id).is_some_and(is_it) {
            return Ok(());
        }
        let name = format!("{}.{}", String::from_utf8_lossy(map.schema), String::from_utf8_lossy(map.table));
        let columns = map.columns()?;
        if map.flavor == Flavor::Mariadb && columns.have_old_temporal() {
            note(&format!(
                "{name} has TIME, DATETIME or TIMESTAMP columns in the format of MariaDB before 10.1, whose fraction the \
                 log does not tell: they are read as having none. If they have one, the values are wrong; use tail"
            ));
        }
        let line = TableLine::new(&name, &columns, None);
        let (schema, name, map_body) = (map.schema.into(), map.table.into(), map.body.into());
        self.tables.insert(map.table_id, Rc::new(Table { schema, name, map: map_body, columns, line }));
        Ok(())
    }

    fn rows(&mut self, rows: &Rows<'_>) -> Result<(), EventFailure> {
        let Some(table) = self.tables.get(&rows.table_id) else {
            // MySQL ends some statements with a rows event that belongs to no table and holds no rows.
            if rows.table_id == 0x00ff_ffff && rows.statement_end {
                return Ok(());
            }
            let mend = "The log is damaged: a table map comes before its rows";
            return Err(EventFailure::Log { what: "rows without a table map", mend });
        };
        // What can be rolled back is not said for each table; MariaDB says it for the transaction.
        let lasting = matches!(self.gtid, Some((_, false)));
        self.assembler.add(Pending { table: table.clone(), rows: rows.keep() }, lasting);
        Ok(())
    }

    fn committed(
        &mut self,
        event: &Event<'_>,
        file: &str,
        offset: u64,
        pending: &[Pending],
    ) -> Result<(), EventFailure> {
        self.inside = false;
        let time = DateTime::from_timestamp(i64::from(event.header.timestamp), 0).unwrap_or_default();
        let gtid = self.gtid.as_ref().map(|(gtid, _)| gtid.as_str());
        let commit = CommitLine::new(file, offset + u64::from(event.header.size), gtid, time);
        for Pending { table, rows } in pending {
            for change in rows.rows().iter(&table.columns)? {
                let change = change?;
                let kind = match (change.before, change.after) {
                    (None, _) => ChangeKind::Insert,
                    (_, None) => ChangeKind::Delete,
                    _ if change.is_no_op() => continue,
                    _ => ChangeKind::Update,
                };
                let images = [change.before, change.after];
                table.line.write(&commit, kind, images, &table.columns, &Utc, &mut self.lines)?;
            }
            self.out.write_all(&self.lines).map_err(EventFailure::Output)?;
            self.lines.clear();
        }
        Ok(())
    }

    fn statement_format(&mut self, path: &Path, offset: u64) {
        match &mut self.statements {
            Some(DecodeFailure::Statements { statements, .. }) => *statements += 1,
            _ => self.statements = Some(DecodeFailure::Statements { path: path.to_owned(), offset, statements: 1 }),
        }
    }
}

/// Tells something that is no failure, beside the lines.
fn note(text: &str) {
    // Whoever closed stderr does not want to know.
    let _ = writeln!(io::stderr(), "note: {text}");
}
