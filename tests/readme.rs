//! What README.md tells people to do is done here, on private servers.
#![allow(clippy::unwrap_used)]

use std::process::Command;

use opendental_cdc::config::Config;
use opendental_cdc::opendental::schema::{Engine, statements};
use opendental_cdc::sandbox::{MariaDb, MySql, Options, Server};

const README: &str = include_str!("../README.md");

/// The contents of the README's code blocks of a language.
fn blocks(language: &str) -> Vec<&'static str> {
    let fence = format!("```{language}\n");
    README.split(&fence).skip(1).map(|rest| rest.split("```").next().unwrap()).collect()
}

/// The lines for `my.cnf`, as arguments; for MySQL the line that is commented out is the one that counts.
fn options(mysql: bool) -> Options {
    let [ini] = blocks("ini")[..] else { panic!("one ini block") };
    let mut options = Options::default().engine("MyISAM").arg("--sql-mode=");
    for line in ini.lines().skip_while(|line| !line.starts_with("[mysqld]")).skip(1) {
        let line = if mysql { line.strip_prefix("# ").unwrap_or(line) } else { line };
        let setting = line.split('#').next().unwrap();
        if let Some((name, value)) = setting.split_once('=')
            && !(mysql && name.trim() == "expire_logs_days")
        {
            options = options.arg(format!("--{}={}", name.trim(), value.trim()));
        }
    }
    options
}

/// Adds the subscription by the README's command and configuration, but for the server's port.
fn subscribe(server: &Server) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("opendental-cdc.toml"), blocks("toml")[0]).unwrap();
    let commands = blocks("sh").join("").replace("\\\n", " ");
    let line = commands.lines().find(|line| line.contains(" subscriptions add ")).unwrap();
    let added = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"))
        .args(line.split_whitespace().skip(1))
        .env("OPENDENTAL_CDC_MYSQL__URL", format!("mysql://cdc:secret@127.0.0.1:{}/opendental", server.port()))
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(added.status.success(), "{added:?}");
}

async fn follow_the_readme(server: &Server) {
    let config = Config::from_toml(blocks("toml")[0]).unwrap();
    let schema: Vec<String> = statements(Engine::MyIsam).collect();
    server.exec(&schema.join(";\n")).await.unwrap();
    for sql in blocks("sql") {
        server.exec(sql).await.unwrap();
    }
    subscribe(server);
    let row = "SELECT CONCAT_WS('|', Workstation, WatchTable, PollingSeconds, DateTimeStart > NOW() - INTERVAL 1 HOUR) \
               FROM opendental.apisubscription";
    assert_eq!(server.value(row).await.unwrap().unwrap(), format!("{}|Appointment|5|1", config.workstation));
    assert_eq!(server.value("SELECT @@log_bin").await.unwrap().unwrap(), "1");
    assert_eq!(server.value("SELECT @@binlog_format").await.unwrap().unwrap(), "ROW");
    let grants = server.query("SHOW GRANTS FOR cdc@127.0.0.1").await.unwrap();
    assert_eq!(grants.len(), 3, "{grants:?}");
}

#[tokio::test]
async fn the_readme_holds_on_mariadb() {
    let server = MariaDb::start(options(false)).await.unwrap();
    follow_the_readme(&server).await;
    assert_eq!(server.value("SELECT @@expire_logs_days").await.unwrap().unwrap(), "7.000000");
}

#[tokio::test]
async fn the_readme_holds_on_mysql() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    let server = MySql::start(options(true)).await.unwrap();
    follow_the_readme(&server).await;
    assert_eq!(server.value("SELECT @@binlog_expire_logs_seconds").await.unwrap().unwrap(), "604800");
}
