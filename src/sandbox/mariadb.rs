//! Private MariaDB servers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;
use std::process::Command;

use super::folder::{Folder, find_program, from_template, tail, user_argument};
use super::{Options, SandboxError, Server};

/// Where packages and Homebrew put the server when it is not in an ordinary user's PATH.
const PLACES: [&str; 6] =
    ["/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/local/mysql/bin"];

const HINT: &str = "on Debian and Ubuntu: sudo apt-get install --no-install-recommends mariadb-server-core \
                    mariadb-client-core mariadb-client (no service is started by these)";

/// Starts private MariaDB servers.
#[derive(Debug)]
pub struct MariaDb;

impl MariaDb {
    /// Starts a server of this machine's MariaDB: below a second the first time, half of that afterwards.
    ///
    /// # Errors
    /// When MariaDB is not installed, or does not start; the message has the end of its log.
    pub async fn start(options: Options) -> Result<Server, SandboxError> {
        let missing = |program| SandboxError::Missing { program, looked: PLACES.join(", "), hint: HINT };
        let server = find_program("mariadbd", &PLACES).ok_or_else(|| missing("mariadbd"))?;
        let install = find_program("mariadb-install-db", &PLACES).ok_or_else(|| missing("mariadb-install-db"))?;
        let folder = Folder::new()?;
        from_template(&template(&server), &folder.path().join("data"), |data| initialise(&install, data))?;
        let own = ["--innodb-log-file-size=4M", "--innodb-data-file-path=ibdata1:10M:autoextend"];
        Server::launch(server, folder, &own, options).await
    }
}

/// One template for every build of the server.
fn template(server: &Path) -> String {
    let mut hasher = DefaultHasher::new();
    server.hash(&mut hasher);
    if let Ok(about) = server.metadata() {
        about.len().hash(&mut hasher);
        about.modified().ok().hash(&mut hasher);
    }
    format!("mariadb-data-{:016x}", hasher.finish())
}

/// Makes an empty data folder; `mariadb-install-db`, MariaDB Knowledge Base.
fn initialise(install: &Path, data: &Path) -> Result<(), SandboxError> {
    let mut command = Command::new(install);
    command
        .arg("--no-defaults")
        .arg(format!("--datadir={}", data.display()))
        // Otherwise root could log in through the Unix socket only.
        .args(["--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"])
        .args(["--innodb-log-file-size=4M", "--innodb-data-file-path=ibdata1:10M:autoextend"]);
    command.args(data.parent().and_then(user_argument));
    let output = command.output().map_err(SandboxError::io("cannot run", install))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let program = install.display().to_string();
    Err(SandboxError::Initialise { program, said: tail(&String::from_utf8_lossy(&said)) })
}
