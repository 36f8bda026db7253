//! Files of many servers, read row by row as `mariadb-binlog` and `mysqlbinlog` print them.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use opendental_cdc::binlog::{ColumnType, Image, TableColumns};

use crate::oracle::Printed;
use crate::{corpus, oracle, read_rows};

/// Files that `mariadb-binlog` cannot read as a whole: it does not know MySQL's JSON, compressed transactions and tagged
/// GTIDs.
const BY_MYSQL_ONLY: &[&str] = &[
    "MySqlCdc.Sample__mysql-bin.000001",
    "mysql-bin.000057",
    "mysql-bin.compressed",
    "mysql-9.7.binlog",
    "mysql-compressed.binlog",
    "mysql-small.binlog",
    "mysql-unchecked.binlog",
];

/// Files of MySQL 5.1 and 5.5, whose rows events MySQL's own program does not read any more.
const BY_MARIADB_ONLY: &[&str] =
    &["binlog__mysql-bin.000001", "resources__binlog__mysql-bin.000002", "mysql-bin.sakila"];

#[test]
fn r3_the_rows_of_every_file_are_those_that_the_servers_programs_print() {
    let unpacked = tempfile::tempdir().unwrap();
    let (mut files, mut rows) = (0, 0);
    for path in corpus() {
        let path = unpack(path, unpacked.path());
        let name = path.to_string_lossy().into_owned();
        let bytes = fs::read(&path).unwrap();
        let listed = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
        let mariadb = bytes.windows(7).take(70).any(|window| window == b"MariaDB");
        let printed = [
            (!listed(BY_MYSQL_ONLY)).then(|| oracle::images_by_mariadb(&path)).flatten(),
            (!mariadb && !listed(BY_MARIADB_ONLY)).then(|| oracle::images_by_mysql(&path)).flatten(),
        ];
        for (by_mysql, printed) in [false, true].into_iter().zip(printed) {
            if let Some(printed) = printed {
                rows += compare(&name, &bytes, printed, by_mysql);
                files += 1;
            }
        }
    }
    println!("{files} comparisons of files, {rows} of row images");
}

/// Panics where our rows and those printed differ; says how many row images there were.
fn compare(name: &str, bytes: &[u8], printed: Vec<Printed>, by_mysql: bool) -> usize {
    // MySQL's program cannot print geometry, and then leaves out the rest of the event.
    let mut unprintable = Vec::new();
    if by_mysql {
        read_rows(bytes, |table, columns, _| {
            if columns.iter().any(|column| matches!(column.kind, ColumnType::Geometry { .. })) {
                unprintable.push(table.to_owned());
            }
        });
    }
    let is_printable = |table: &str| unprintable.iter().all(|unprintable| unprintable != table);
    let mut printed = printed.into_iter().filter(|image| is_printable(&image.table));
    let mut images = 0;
    let errors = read_rows(bytes, |table, columns, change| {
        for image in [change.before, change.after].into_iter().flatten() {
            if is_printable(table) {
                images += 1;
                let printed = printed.next().unwrap_or_else(|| panic!("image {images} of {name} is not printed"));
                assert_eq!(table, printed.table, "image {images} of {name}");
                compare_image(image, columns, &printed, &format!("image {images} of {table} in {name}"));
            }
        }
    });
    assert!(errors.is_empty(), "{name}: {errors:?}");
    assert_eq!(printed.next(), None, "more rows in {name}");
    images
}

fn compare_image(image: Image<'_>, columns: &TableColumns, printed: &Printed, place: &str) {
    let values: Vec<_> = image.values(columns).map(|value| value.unwrap()).collect();
    assert_eq!(values.len(), printed.columns.len(), "columns of {place}");
    for ((index, value), (number, text)) in values.into_iter().zip(&printed.columns) {
        assert_eq!(index + 1, *number, "{place}");
        oracle::assert_same(columns, index, value, text);
    }
}

pub(crate) fn unpack(path: PathBuf, folder: &Path) -> PathBuf {
    if path.extension().is_none_or(|extension| extension != "gz") {
        return path;
    }
    let output = Command::new("gzip").arg("-dc").arg(&path).stdout(Stdio::piped()).output().unwrap();
    let unpacked = folder.join(path.file_stem().unwrap());
    fs::File::create(&unpacked).unwrap().write_all(&output.stdout).unwrap();
    unpacked
}
