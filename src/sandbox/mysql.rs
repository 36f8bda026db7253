//! Private MySQL servers, of the programs that `scripts/fetch-servers` brings.

use std::path::Path;
use std::process::Command;

use super::folder::{Folder, cache, from_template, tail, tmpdir, user_argument};
use super::{Options, SandboxError, Server};

const HINT: &str = "run scripts/fetch-servers";

/// The statements of the first start: with name resolution off, a TCP login does not match root@localhost.
const FIRST: &str =
    "CREATE USER root@'127.0.0.1' IDENTIFIED BY '';\nGRANT ALL ON *.* TO root@'127.0.0.1' WITH GRANT OPTION;\n";

/// Starts private MySQL servers.
#[derive(Debug)]
pub struct MySql;

impl MySql {
    /// True when there is a MySQL to start. Tests that find none say so and end.
    pub fn is_available() -> bool {
        program().is_some()
    }

    /// Starts a server of the MySQL that `scripts/fetch-servers` put into the cache.
    ///
    /// # Errors
    /// When it is not there, or does not start; the message has the end of its log.
    pub async fn start(options: Options) -> Result<Server, SandboxError> {
        let looked = cache().map_or_else(|| "no cache".to_owned(), |cache| cache.display().to_string());
        let server = program().ok_or(SandboxError::Missing { program: "mysqld (MySQL)", looked, hint: HINT })?;
        let folder = Folder::new()?;
        from_template("mysql-data", &folder.path().join("data"), |data| initialise(&server, data))?;
        // Servers made from one template must not share a UUID.
        let uuid = folder.path().join("data").join("auto.cnf");
        if uuid.exists() {
            std::fs::remove_file(&uuid).map_err(SandboxError::io("cannot remove", &uuid))?;
        }
        let own = ["--mysqlx=OFF", "--secure-file-priv=NULL", "--innodb-redo-log-capacity=8M"];
        Server::launch(server, folder, &own, options).await
    }
}

/// A start script that runs the fetched server through its own loader.
fn program() -> Option<std::path::PathBuf> {
    cache().map(|cache| cache.join("mysql").join("mysqld")).filter(|program| program.is_file())
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
