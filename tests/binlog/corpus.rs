//! Files of many servers, read row by row as `mariadb-binlog` prints them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::{corpus, oracle, read_rows};

/// Files with events or columns that are refused, by name, until they can be read (rule R4): the end of the file's
/// path, and the errors.
const REFUSED: &[(&str, &[&str])] = &[("compressed_col.binlog", &["compressed VARCHAR"])];

/// Files whose rows `mariadb-binlog` does not print, since it does not know MySQL's JSON type, compressed transactions or
/// tagged GTIDs, with their row images. MySQL's own program prints them, where `scripts/fetch-servers` has brought it.
const PRINTED_BY_MYSQL: &[(&str, usize)] =
    &[("MySqlCdc.Sample__mysql-bin.000001", 3), ("mysql-bin.000057", 4), ("mysql-bin.compressed", 2)];

/// A file whose rows neither program prints (geometry in a log with tagged GTIDs), with its row images.
const NOT_PRINTED: (&str, usize) = ("mysql-9.7.binlog", 21);

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
        let by_mysql = PRINTED_BY_MYSQL.iter().find(|(end, _)| name.ends_with(end));
        let printed = if by_mysql.is_some() { oracle::images_by_mysql(&path) } else { oracle::images(&path) };
        if printed.is_none() && by_mysql.is_none() {
            return;
        }
        let known = printed.is_some() && refused.is_empty() && !name.ends_with(NOT_PRINTED.0);
        let mut printed = printed.unwrap_or_default().into_iter();
        let mut images = 0;
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
        }
        if let Some((_, count)) = by_mysql.or(Some(&NOT_PRINTED).filter(|(end, _)| name.ends_with(end))) {
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
