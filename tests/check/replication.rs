//! The server among others.

use futures_util::StreamExt;
use mysql_async::{BinlogStreamRequest, prelude::Queryable};
use opendental_cdc::sandbox::{Options, Release};

use crate::stage::{BOTH, Stage, available};

/// A replication from nowhere: it is set up, and tries.
fn set_up(release: Release) -> [&'static str; 2] {
    match release {
        Release::MySql9_7 => [
            "CHANGE REPLICATION SOURCE TO SOURCE_HOST='127.0.0.1', SOURCE_PORT=1, SOURCE_USER='x', SOURCE_LOG_FILE='b.1', SOURCE_LOG_POS=4",
            "START REPLICA",
        ],
        _ => [
            "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=1, MASTER_USER='x', MASTER_LOG_FILE='b.1', MASTER_LOG_POS=4",
            "START SLAVE",
        ],
    }
}

/// A replica, and what is left of one.
pub(crate) async fn replica(stage: &mut Stage) {
    const LOOK: &str = "primary server";
    let release = stage.release;
    let [change, start] = set_up(release);
    stage.exec(change).await;
    stage.exec(start).await;
    let broken = "wrong: it is a replica: DateTimeStart must be written on the primary server, or it is lost \
                  | config: mysql.url = \"mysql://<user>:<password>@<primary server>/<database>\"";
    stage.says("a replica, running", LOOK, broken).await;
    stage.exec(&start.replace("START", "STOP")).await;
    if release.is_mariadb() {
        // MariaDB shows everybody what runs, and only some what is set up.
        stage.says("a replica, stopped", LOOK, "ok: no replication runs into it").await;
        stage.exec("GRANT SLAVE MONITOR ON *.* TO cdc@'127.0.0.1'").await;
    }
    let forget = match release {
        _ if release.is_mariadb() => "STOP ALL SLAVES; RESET SLAVE ALL;",
        Release::MySql9_7 => "RESET REPLICA ALL;",
        _ => "RESET SLAVE ALL;",
    };
    let stopped = format!(
        "warning: it is set up as a replica, which is stopped: as one it would lose DateTimeStart | SQL: {forget}"
    );
    stage.mends("a replica, stopped", LOOK, &stopped, "ok: it replicates from no other").await;
    stage.exec("SET GLOBAL read_only = 1").await;
    let read_only = "wrong: it is read-only, so DateTimeStart cannot be written | SQL: SET GLOBAL read_only = OFF; \
                     | my.cnf: read_only = OFF";
    stage.mends("read_only", LOOK, read_only, "ok: it replicates from no other").await;
}

#[tokio::test]
async fn one_of_several_primaries_must_log_what_it_replicates() {
    for release in available(&BOTH) {
        let options = Options::default().arg("--auto-increment-increment=2").arg("--log-slave-updates=OFF");
        let mut stage = Stage::new(release, options.arg("--relay-log=relay")).await;
        for statement in set_up(release) {
            stage.exec(statement).await;
        }
        let several = "ok: one of several that replicate from each other (auto_increment_increment is more than 1)";
        stage.says("a ring of primaries", "primary server", several).await;
        let name = if release.is_mariadb() { "log_slave_updates" } else { "log_replica_updates" };
        let broken = format!(
            "wrong: not logged ({name} is off): what is changed on the other servers is never seen \
             | my.cnf: {name} = ON | do: restart the server"
        );
        let mended = format!("ok: logged ({name})");
        stage.mends("a ring of primaries without it", "replicated changes", &broken, &mended).await;
    }
}

/// Ids that somebody has.
pub(crate) async fn ids(stage: &mut Stage) {
    const LOOK: &str = "server_id";
    let release = stage.release;
    stage.set("mysql.server_id", "1");
    let ours = "ok: ours is made when the bridge first runs, and made anew where another replica has it";
    let broken = "wrong: ours is 1, the server's own | config: mysql.server_id = 0";
    stage.mends("mysql.server_id is the server's", LOOK, broken, ours).await;

    stage.set("mysql.server_id", "77");
    if release.is_mariadb() {
        let unseen = "not seen: ours is 77; whether a replica has it is not shown to us \
                      | SQL: GRANT REPLICATION MASTER ADMIN ON *.* TO 'cdc'@'127.0.0.1';";
        stage.mends("the documented grants", LOOK, unseen, "ok: ours is 77, and no replica has it").await;
    } else {
        stage.says("no replica", LOOK, "ok: ours is 77, and no replica has it").await;
    }
    let mut replica = stage.server.connect().await.unwrap();
    // MySQL 8.4 and later asks for a checksum that it is not given otherwise.
    replica.query_drop("SET @master_binlog_checksum = 'NONE', @source_binlog_checksum = 'NONE'").await.unwrap();
    let mut log = replica.get_binlog_stream(BinlogStreamRequest::new(77)).await.unwrap();
    log.next().await.unwrap().unwrap();
    let broken = "wrong: ours is 77, and so is that of another replica | config: mysql.server_id = 0";
    stage.mends("another replica has mysql.server_id", LOOK, broken, ours).await;
    // MySQL 5.6 leaves a column out of the row of a replica that has no UUID, such as this one.
    assert!(stage.report().await.can_run(), "{release}: r7, the log is read beside such a replica");
}

/// A server without an id, where it can be.
pub(crate) async fn no_server_id(stage: &mut Stage) {
    stage.exec("SET GLOBAL server_id = 0").await;
    if stage.server.value("SELECT @@GLOBAL.server_id").await.unwrap().as_deref() != Some("0") {
        return;
    }
    let broken = "wrong: the server's own is 0: it sends its log to nobody | SQL: SET GLOBAL server_id = 1; \
                  | my.cnf: server_id = 1";
    let mended = "ok: ours is made when the bridge first runs, and made anew where another replica has it";
    stage.mends("server_id = 0", "server_id", broken, mended).await;
}
