//! Private MySQL servers, of the programs that `scripts/fetch-servers` brings.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::folder::{Folder, copy, from_template, tail, tmpdir, user_argument};
use super::{Options, Release, SandboxError, Server};

/// The statements of the first start: with name resolution off, a TCP login does not match root@localhost.
const FIRST: &str =
    "CREATE USER root@'127.0.0.1' IDENTIFIED BY '';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n";

/// Starts private servers of the newest MySQL.
#[derive(Debug)]
pub struct MySql;

impl MySql {
    /// [`Release::is_available`].
    pub fn is_available() -> bool {
        Release::MySql9_7.is_available()
    }

    /// [`Release::start`].
    ///
    /// # Errors
    /// As there.
    pub async fn start(options: Options) -> Result<Server, SandboxError> {
        Release::MySql9_7.start(options).await
    }
}

pub(super) async fn start(server: PathBuf, template: &str, options: Options) -> Result<Server, SandboxError> {
    let folder = Folder::new()?;
    let data = folder.path().join("data");
    from_template(template, &data, |data| initialise(&server, data))?;
    // Servers made from one template must not share a UUID.
    let uuid = data.join("auto.cnf");
    if uuid.exists() {
        std::fs::remove_file(&uuid).map_err(SandboxError::io("cannot remove", &uuid))?;
    }
    let own = ["--mysqlx=OFF", "--secure-file-priv=NULL", "--innodb-redo-log-capacity=8M"];
    Server::launch(server, folder, &own, options).await
}

/// Starts a MySQL 5.6, which has no `--initialize` and comes with a data folder that is ready to be copied.
pub(super) async fn start_ready_made(server: PathBuf, options: Options) -> Result<Server, SandboxError> {
    let folder = Folder::new()?;
    let ready = server.with_file_name("root").join("data/mysql");
    copy(&ready, &folder.path().join("data"))?;
    // Without the second, it takes no GTIDs.
    Server::launch(server, folder, &["--innodb-log-file-size=8M", "--log-slave-updates"], options).await
}

/// Makes an empty data folder; "Initializing the Data Directory", MySQL Reference Manual.
fn initialise(server: &Path, data: &Path) -> Result<(), SandboxError> {
    let first = data.with_extension("sql");
    std::fs::write(&first, FIRST).map_err(SandboxError::io("cannot write", &first))?;
    let mut command = Command::new(server);
    command
        .arg("--no-defaults")
        .arg("--initialize-insecure")
        .arg(format!("--datadir={}", data.display()))
        .arg(format!("--init-file={}", first.display()))
        .args(["--innodb-redo-log-capacity=8M", "--secure-file-priv=NULL"]);
    if let Some(folder) = data.parent() {
        command.args(user_argument(folder)).arg(tmpdir(folder)?);
    }
    let output = command.output().map_err(SandboxError::io("cannot run", server))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let program = server.display().to_string();
    Err(SandboxError::Initialise { program, said: tail(&String::from_utf8_lossy(&said)) })
}
