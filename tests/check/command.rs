//! The program: what it prints, its exit codes, and the same looks when `run` starts.

use std::process::{Command, Output, Stdio};

use opendental_cdc::sandbox::{Options, Release};
use serde_json::Value;

use crate::stage::Stage;

fn program(stage: &Stage, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("OPENDENTAL_CDC_")) {
        command.env_remove(name);
    }
    command.args(arguments).arg("--config").arg(stage.file()).stdin(Stdio::null()).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_prints_a_line_for_each_look_and_ends_with_0_1_or_2() {
    let mut stage = Stage::plain(Release::MariaDb10_11).await;
    let output = program(&stage, &["check"]);
    assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
    let printed = text(&output.stdout);
    assert!(!printed.contains('\u{1b}'), "no colours: {printed}");
    assert!(printed.contains("\nok        binlog format               ROW\n"), "{printed}");
    let below = "\nnot seen  sql_log_bin                 whether a session at times keeps its writes out of the log, as Open \
                 Dental's backups may, no server shows\n                              config  source.audit = \"1d\"\n";
    assert!(printed.contains(below), "{printed}");
    assert!(printed.ends_with("ok\n") && printed.contains("\nthe bridge can run: 0 wrong, 0 warning, "), "{printed}");

    stage.exec("SET GLOBAL binlog_format = 'MIXED'").await;
    let output = program(&stage, &["check"]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stderr), "error: the bridge cannot do its work so; looks that found something wrong: 1\n");
    let output = program(&stage, &["check", "--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["can_run"], false);
    let looks = report["looks"].as_array().unwrap();
    let format = looks.iter().find(|look| look["look"] == "binlog format").unwrap();
    assert_eq!(format["outcome"], "wrong");
    assert_eq!(format["mend"][0], serde_json::json!({"kind": "SQL", "text": "SET GLOBAL binlog_format = 'ROW';"}));

    stage.set("mysql.server_id", "-1");
    for arguments in [&["check"][..], &["check", "--json"]] {
        let output = program(&stage, arguments);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(2), ""));
    }
    stage.set("mysql.server_id", "0");
    stage.set("opendental.tables", "[\"patient\"]");
    assert_eq!(program(&stage, &["check"]).status.code(), Some(2), "as with run");
}

#[tokio::test(flavor = "multi_thread")]
async fn run_refuses_a_replica_and_tells_of_everything_else() {
    for engine in ["binlog", "polling"] {
        let mut stage = Stage::new(Release::MariaDb10_11, Options::default().arg("--relay-log=relay")).await;
        stage.set("engine", &format!("\"{engine}\""));
        let replica = "CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=1, MASTER_USER='x'";
        stage.exec(replica).await;
        stage.exec("START SLAVE").await;
        let output = program(&stage, &["run"]);
        assert_eq!(output.status.code(), Some(1), "{engine}");
        let said = "error: it is a replica: DateTimeStart must be written on the primary server, or it is lost\n  \
                    config: mysql.url = \"mysql://<user>:<password>@<primary server>/<database>\"\n";
        assert!(text(&output.stderr).ends_with(said), "{engine}: {}", text(&output.stderr));

        stage.exec("STOP SLAVE; RESET SLAVE ALL").await;
        stage.subscribe(1, "http://127.0.0.1:1/hook?token=hush", "CDC-BRIDGE", "Appointment", 5).await;
        stage.exec("ALTER TABLE labcase DROP COLUMN DateTStamp").await;
        let log = stage.folder.path().join("log");
        let mut child = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"))
            .args(["run", "--config"])
            .arg(stage.file())
            .stderr(fs_err(&log))
            .spawn()
            .unwrap();
        let wanted = ["no catch-up can be made", "cannot connect: Connection refused"];
        let told = || std::fs::read_to_string(&log).unwrap();
        while !wanted.iter().all(|line| told().contains(line)) {
            assert!(child.try_wait().unwrap().is_none(), "{engine}: it goes on: {}", told());
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!told().contains("hush") && told().contains("WARN"), "{}", told());
    }
}

fn fs_err(path: &std::path::Path) -> std::fs::File {
    std::fs::File::create(path).unwrap()
}
