//! Makes the binlog files in `tests/data` whose SQL stands beside them:
//! `cargo test --test binlog making -- --ignored`. Their rows stay the same; stamps and identifiers do not.

use std::fs;
use std::path::Path;

use opendental_cdc::sandbox::{MariaDb, MySql, Options};

#[tokio::test]
#[ignore = "makes files that are stored"]
async fn the_binlog_files_beside_their_sql() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for entry in fs::read_dir(data).unwrap() {
        let path = entry.unwrap().path();
        let sql = fs::read_to_string(&path).unwrap_or_default();
        let Some((server, rest)) = sql.strip_prefix("-- Server: ").and_then(|rest| rest.split_once('\n')) else {
            continue;
        };
        let (options, _) = rest.strip_prefix("-- Options: ").unwrap().split_once('\n').unwrap();
        let options = options.split(' ').fold(Options::default(), |options, option| options.arg(option));
        let server = match server {
            "MariaDB" => MariaDb::start(options).await.unwrap(),
            "MySQL" => MySql::start(options).await.unwrap(),
            other => panic!("{other}"),
        };
        server.exec(&format!("FLUSH BINARY LOGS; {sql}\nFLUSH BINARY LOGS")).await.unwrap();
        let logs = server.query("SHOW BINARY LOGS").await.unwrap();
        let written = logs[logs.len() - 2][0].as_ref().unwrap();
        fs::copy(server.data().join(written), path.with_extension("binlog")).unwrap();
    }
}
