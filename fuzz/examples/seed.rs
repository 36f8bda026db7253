//! Makes seeds for all targets out of binlog files: `cargo run --example seed -- FILE…` writes them to `found/`.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::{env, fs};

use opendental_cdc::binlog::{Checksum, Decoder, EventBody, FileEvents, Flavor, TableColumns, Value};
use opendental_cdc_fuzz::Server;

const HEADER: usize = 19;
/// Larger ones only slow the fuzzers down.
const LARGEST: usize = 4096;
/// Seeds of the same kind from one file.
const OF_A_KIND: usize = 3;
const ROWS: [u8; 13] = [23, 24, 25, 30, 31, 32, 39, 166, 167, 168, 169, 170, 171];

fn main() {
    for file in env::args_os().skip(1) {
        let bytes = fs::read(&file).expect("the file can be read");
        let mut seeds = Seeds::default();
        seeds.file(&bytes);
        println!("{}: {} seeds", Path::new(&file).display(), seeds.count);
    }
    Seeds::default().by_hand();
}

/// The seeds of one file.
#[derive(Default)]
struct Seeds {
    /// How many there are of each target and kind.
    kinds: HashMap<(&'static str, u64), usize>,
    count: usize,
}

impl Seeds {
    fn put(&mut self, target: &'static str, kind: u64, seed: &[&[u8]]) {
        let seed = seed.concat();
        let of_kind = self.kinds.entry((target, kind)).or_default();
        if seed.len() > LARGEST || *of_kind >= OF_A_KIND {
            return;
        }
        *of_kind += 1;
        self.count += 1;
        let mut hasher = DefaultHasher::new();
        seed.hash(&mut hasher);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("found").join(target);
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::write(folder.join(format!("seed-{:016x}", hasher.finish())), seed).expect("a file can be written");
    }

    fn file(&mut self, bytes: &[u8]) {
        if let Some(events) = bytes.get(4..) {
            self.put("file", 0, &[&[0], events]);
            self.put("file", 1, &[&[1], events]);
        }
        let mut decoder = Decoder::new();
        let mut map: Vec<u8> = Vec::new();
        let mut columns = None;
        // A transaction's events, as the target `payload` takes them.
        let mut transaction: Vec<u8> = Vec::new();
        let mut events = FileEvents::new(bytes).expect("a binlog file");
        while let Ok(Some((_, event))) = events.next_event() {
            let event = event.to_vec();
            let format = decoder.format().cloned();
            let Ok(read) = decoder.decode(&event) else { continue };
            let Some(format) = format else { continue };
            let checksum = if format.checksum == Checksum::Crc32 { 4 } else { 0 };
            let server = match (format.flavor, format.checksum) {
                (Flavor::Mariadb, _) => Server::Mariadb,
                (_, Checksum::Crc32) => Server::Mysql97,
                _ if format.server_version.starts_with("5.5") => Server::Mysql55,
                _ => Server::Mysql97Unchecked,
            };
            let server = Server::ALL.iter().position(|known| *known == server).unwrap_or_default() as u8;
            let (type_code, body) = (event[4], &event[HEADER..event.len() - checksum]);
            self.put("event", u64::from(type_code), &[&[server, type_code], &event[17..19], &event[13..17], body]);
            self.part(type_code, body, read.body, &mut map, &mut columns, server);
            if matches!(type_code, 33 | 34 | 42) {
                transaction.clear();
            } else if body.len() < 1 << 16 {
                transaction.push(type_code);
                transaction.extend((body.len() as u16).to_le_bytes());
                transaction.extend(body);
            }
            if type_code == 16 && server == 1 {
                self.put("payload", 1, &[&[1], &transaction]);
                self.put("payload", 2, &[&[2], &transaction]);
            }
        }
    }

    /// What other targets take of an event.
    fn part(
        &mut self,
        type_code: u8,
        body: &[u8],
        read: EventBody<'_>,
        map: &mut Vec<u8>,
        columns: &mut Option<TableColumns>,
        server: u8,
    ) {
        match read {
            EventBody::TableMap(read) => {
                *map = body.get(8..).unwrap_or_default().to_vec();
                *columns = read.columns().ok();
            }
            EventBody::Rows(rows) => {
                let kind = ROWS.iter().position(|known| *known == type_code).unwrap_or_default() as u8;
                let length = (map.len() as u16).to_le_bytes();
                let rows_body = body.get(8..).unwrap_or_default();
                let hash = u64::from(type_code) << 32 | map.iter().map(|byte| u64::from(*byte)).sum::<u64>();
                self.put("rows", hash, &[&[server, kind], &length, map, rows_body]);
                if let Some(columns) = columns {
                    self.values(&rows, columns);
                }
            }
            EventBody::TransactionPayload(_) => self.put("payload", 0, &[&[0], body]),
            EventBody::Query(query) => {
                let first = query.statement.split(|byte| *byte == b' ').next().unwrap_or_default();
                self.put("statement", first.iter().map(|byte| u64::from(*byte)).sum(), &[query.statement]);
            }
            EventBody::PreviousGtids(set) => self.put("gtid", 0, &[&[0], set.to_string().as_bytes()]),
            EventBody::MariadbGtidList(list) => self.put("gtid", 1, &[&[1], list.to_string().as_bytes()]),
            _ => {}
        }
        if let Some(choice) = [33, 35, 42, 162, 163].iter().position(|known| *known == type_code) {
            self.put("gtid", 2 + choice as u64, &[&[2 + choice as u8], body]);
        }
    }

    fn values(&mut self, rows: &opendental_cdc::binlog::Rows<'_>, columns: &TableColumns) {
        let changes = rows.iter(columns).into_iter().flatten().flatten();
        for image in changes.flat_map(|change| [change.before, change.after]).flatten() {
            for (index, value) in image.values(columns).flatten() {
                match (value, columns.get(index).and_then(|column| column.collation)) {
                    (Value::Json(document), _) => self.put("json", index as u64, &[document]),
                    (Value::Bytes(text), Some(collation)) => {
                        self.put("charset", u64::from(collation), &[&collation.to_le_bytes(), text]);
                    }
                    _ => {}
                }
            }
        }
    }

    /// What no file holds.
    fn by_hand(&mut self) {
        for collation in 0_u16..320 {
            let text = "a\u{e9}\u{416}\u{20ac}\u{3042}\u{1f600}";
            self.put("charset", u64::from(collation), &[&collation.to_le_bytes(), text.as_bytes()]);
        }
        for steps in [
            &[3, 0, 0, 0, 6, 0, 1, 0, 2, 0, 7, 0, 4, 0][..],
            &[8, 1, 0, 0, 15, 1, 3, 0, 0, 0, 14, 0, 9, 1],
            &[16, 0, 3, 0, 2, 0, 5, 0, 17, 6, 0, 0, 14, 0, 18, 33, 20, 0, 22, 1],
            &[12, 0, 11, 0, 13, 0, 19, 40, 21, 0, 10, 0, 18, 20, 14, 192],
        ] {
            self.put("transactions", steps.len() as u64, &[steps]);
        }
        for (kind, statement) in [
            "SAVEPOINT `a``b`",
            "ROLLBACK TO SAVEPOINT s",
            "XA COMMIT X'6162',X'63',7",
            "ALTER TABLE a.b EXCHANGE PARTITION p WITH TABLE c, RENAME TO d",
            "RENAME TABLE a TO b, c.d TO e",
            "SET STATEMENT max_statement_time=1 FOR DELETE FROM t WHERE a = '\\''",
            "CREATE OR REPLACE TABLE /*!50000 IF NOT EXISTS */ `t` (a INT) -- x",
            "LOAD DATA INFILE 'f' INTO TABLE t",
            "DROP INDEX i ON t",
        ]
        .into_iter()
        .enumerate()
        {
            self.put("statement", kind as u64, &[statement.as_bytes()]);
        }
        for text in ["3e11fa47-71ca-11e1-9e33-c80aa9429562:1-3:11:47-49:domain_1:1-3:15-21", ""] {
            self.put("gtid", 0, &[&[0], text.as_bytes()]);
        }
        // A table without columns, whose rows would take no bytes.
        self.put("rows", 0, &[&[0, 0, 8, 0], b"\x01d\0\x01t\0\0\0", b"\0x"]);
        self.put("gtid", 1, &[&[1], b"0-1-2,7-4294967295-18446744073709551615"]);
    }
}
