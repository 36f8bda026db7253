//! What others need for the same log.

use std::{fs, path::Path};

use crate::harness::{load::Log, program};

/// Has the vendor's program copy the log to a file; its bytes.
pub fn copied(log: &Log, to: &Path) -> u64 {
    let Some((name, mut command)) = program::binlog(log.vendor) else { return 0 };
    let result = format!("--result-file={}/", to.display());
    let port = log.server.port().to_string();
    command.args(["--no-defaults", "--read-from-remote-server", "--raw", "--host=127.0.0.1", "--user=root"]);
    command.args(["--protocol=tcp", "--port", &port, "--start-position", &log.start.offset.to_string()]);
    let output = command.arg(result).arg(&log.start.file).output().unwrap();
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    fs::metadata(to.join(&log.start.file)).unwrap().len()
}

/// The account of [`rows_by_mysql_cdc`], which needs a password.
pub const ACCOUNT: &str = "CREATE USER peer@'127.0.0.1' IDENTIFIED BY 'peer'; \
                           GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO peer@'127.0.0.1'";

/// The rows of the crate `mysql_cdc`; how many.
#[cfg(feature = "mysql-cdc")]
pub fn rows_by_mysql_cdc(log: &Log) -> u64 {
    use mysql_cdc::{
        binlog_client::BinlogClient, binlog_options::BinlogOptions, events::binlog_event::BinlogEvent,
        replica_options::ReplicaOptions,
    };
    let mut client = BinlogClient::new(ReplicaOptions {
        hostname: "127.0.0.1".to_owned(),
        port: log.server.port(),
        username: "peer".to_owned(),
        password: "peer".to_owned(),
        blocking: false,
        binlog: BinlogOptions::from_position(log.start.file.clone(), log.start.offset as u32),
        ..ReplicaOptions::default()
    });
    let rows = client.replicate().unwrap().map(|read| match read.unwrap().1 {
        BinlogEvent::WriteRowsEvent(event) => event.rows.len() as u64,
        BinlogEvent::UpdateRowsEvent(event) => event.rows.len() as u64,
        BinlogEvent::DeleteRowsEvent(event) => event.rows.len() as u64,
        _ => 0,
    });
    rows.sum()
}

/// It was not built in.
#[cfg(not(feature = "mysql-cdc"))]
pub fn rows_by_mysql_cdc(_log: &Log) -> u64 {
    println!("mysql_cdc is NOT measured: the feature `mysql-cdc` is off");
    0
}
