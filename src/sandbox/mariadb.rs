//! Private MariaDB servers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::folder::{Folder, cache, find_program, from_template, tail, tmpdir, user_argument};
use super::{Options, SandboxError, Server};

/// Where packages and Homebrew put the server when it is not in an ordinary user's PATH.
const PLACES: [&str; 6] =
    ["/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/local/mysql/bin"];

const HINT: &str = "on Debian and Ubuntu: sudo apt-get install --no-install-recommends mariadb-server-core \
                    mariadb-client-core mariadb-client (no service is started by these)";

/// InnoDB's files as small as they go: they are copied at every start.
const SMALL: [&str; 2] = ["--innodb-log-file-size=4M", "--innodb-data-file-path=ibdata1:10M:autoextend"];

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
        Server::launch(server, folder, &SMALL, options).await
    }

    /// True when there is a MariaDB 11 to start. Tests that find none say so and end.
    pub fn is_11_available() -> bool {
        newer().is_some()
    }

    /// Starts the MariaDB 11 that `scripts/fetch-servers mariadb-11` put into the cache.
    ///
    /// # Errors
    /// When it is not there, or does not start; the message has the end of its log.
    pub async fn start_11(options: Options) -> Result<Server, SandboxError> {
        let looked = cache().map_or_else(|| "no cache".to_owned(), |cache| cache.display().to_string());
        let hint = "run scripts/fetch-servers mariadb-11";
        let server = newer().ok_or(SandboxError::Missing { program: "mariadbd of MariaDB 11", looked, hint })?;
        let folder = Folder::new()?;
        from_template("mariadb-11-data", &folder.path().join("data"), |data| bootstrap(&server, data))?;
        Server::launch(server, folder, &SMALL, options).await
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
        .args(SMALL);
    if let Some(folder) = data.parent() {
        command.args(user_argument(folder)).arg(tmpdir(folder)?);
    }
    let output = command.output().map_err(SandboxError::io("cannot run", install))?;
    if output.status.success() {
        return Ok(());
    }
    let said = [output.stdout, output.stderr].concat();
    let program = install.display().to_string();
    Err(SandboxError::Initialise { program, said: tail(&String::from_utf8_lossy(&said)) })
}

fn newer() -> Option<PathBuf> {
    cache().map(|cache| cache.join("mariadb-11").join("mariadbd")).filter(|program| program.is_file())
}

/// What `mariadb-install-db` does (in bootstrap mode a statement ends with its line); that script would run the fetched server on this machine's C library.
fn bootstrap(server: &Path, data: &Path) -> Result<(), SandboxError> {
    let share = server.with_file_name("root").join("usr/share/mariadb");
    let mut sql = b"CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n".to_vec();
    for part in ["mariadb_system_tables", "mariadb_performance_tables", "mariadb_system_tables_data"] {
        let file = share.join(part).with_extension("sql");
        sql.extend(std::fs::read(&file).map_err(SandboxError::io("cannot read", &file))?);
    }
    std::fs::create_dir(data).map_err(SandboxError::io("cannot make the folder", data))?;
    let mut command = Command::new(server);
    command
        .args(["--no-defaults", "--bootstrap", "--skip-name-resolve"])
        .arg(format!("--datadir={}", data.display()))
        .args(SMALL);
    if let Some(folder) = data.parent() {
        command.args(user_argument(folder)).arg(tmpdir(folder)?);
    }
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(SandboxError::io("cannot run", server))?;
    if let Some(mut input) = child.stdin.take() {
        input.write_all(&sql).map_err(SandboxError::io("cannot write to", server))?;
    }
    let output = child.wait_with_output().map_err(SandboxError::io("cannot run", server))?;
    if output.status.success() {
        return Ok(());
    }
    let said = tail(&String::from_utf8_lossy(&output.stderr));
    Err(SandboxError::Initialise { program: server.display().to_string(), said })
}
