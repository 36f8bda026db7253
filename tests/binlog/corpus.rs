//! Files of many servers, read row by row as `mariadb-binlog` prints them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{corpus, oracle, read_rows};

/// Files with events or columns that are refused, by name, until they can be read (rule R4): the end of the file's
/// path, and the errors.
const REFUSED: &[(&str, &[&str])] = &[
    ("mysql-bin.000057", &["TRANSACTION_PAYLOAD_EVENT", "TRANSACTION_PAYLOAD_EVENT"]),
    ("mysql-bin.compressed", &["TRANSACTION_PAYLOAD_EVENT"]),
    ("compressed_col.binlog", &["compressed VARCHAR"]),
];

/// Files whose rows `mariadb-binlog` does not print, since it does not know MySQL's JSON type or tagged GTIDs; with
/// their row images.
const NOT_PRINTED: &[(&str, usize)] = &[("MySqlCdc.Sample__mysql-bin.000001", 3), ("mysql-9.7.binlog", 21)];

#[test]
fn r3_the_rows_of_every_file_are_those_that_mariadb_binlog_prints() {
    let unpacked = tempfile::tempdir().unwrap();
    let (mut files, mut rows) = (0, 0);
    for path in corpus() {
        let path = unpack(path, unpacked.path());
        let name = path.to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        let refused =
            REFUSED.iter().find(|(end, _)| name.ends_with(end)).map(|(_, errors)| *errors).unwrap_or_default();
        let Some(printed) = oracle::images(&path) else { return };
        let mut printed = printed.into_iter();
        let mut images = 0;
        let known = !NOT_PRINTED.iter().any(|(end, _)| name.ends_with(end)) && refused.is_empty();
        let errors = read_rows(&bytes, |table, columns, change| {
            for image in [change.before, change.after].into_iter().flatten() {
                images += 1;
                let values: Vec<_> = image.values(columns).map(|value| value.unwrap()).collect();
                if known {
                    let printed = printed.next().unwrap();
                    assert_eq!(values.len(), printed.len(), "columns of image {images} of {table} in {name}");
                    for ((index, value), (number, text)) in values.into_iter().zip(printed) {
                        assert_eq!(index + 1, number);
                        oracle::assert_same(columns, index, value, &text);
                    }
                }
            }
        });
        let errors: Vec<_> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(errors.len(), refused.len(), "{name}: {errors:?}");
        for (error, part) in errors.iter().zip(refused) {
            assert!(error.contains(part), "{name}: {error}");
        }
        if known {
            assert_eq!(printed.next(), None, "more rows in {name}");
        } else if let Some((_, count)) = NOT_PRINTED.iter().find(|(end, _)| name.ends_with(end)) {
            assert_eq!(images, *count, "{name}");
        }
        (files, rows) = (files + 1, rows + images);
    }
    println!("{files} files, {rows} row images");
}

fn unpack(path: PathBuf, folder: &Path) -> PathBuf {
    if path.extension().is_none_or(|extension| extension != "gz") {
        return path;
    }
    let output = Command::new("gzip").arg("-dc").arg(&path).stdout(Stdio::piped()).output().unwrap();
    let unpacked = folder.join(path.file_stem().unwrap());
    fs::File::create(&unpacked).unwrap().write_all(&output.stdout).unwrap();
    unpacked
}
