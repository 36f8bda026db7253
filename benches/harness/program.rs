//! The servers' own program that reads binlogs.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::load::Vendor;

/// The vendor's own program, if this machine has it.
pub fn binlog(vendor: Vendor) -> Option<(&'static str, Command)> {
    match vendor {
        Vendor::MariaDb => Some(("mariadb-binlog", Command::new("mariadb-binlog"))),
        Vendor::MySql => {
            let fetched = std::env::var_os("CDC_TEST_SERVERS").filter(|set| !set.is_empty()).map(PathBuf::from);
            let fetched = fetched.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers"));
            let program = fetched.join("mysql-9.7/mysqlbinlog");
            program.exists().then(|| ("mysqlbinlog", Command::new(program)))
        }
    }
}
