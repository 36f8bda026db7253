//! Private MariaDB servers.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::folder::{Folder, find_program, from_template, tail, tmpdir, user_argument};
use super::{Options, Release, SandboxError, Server};

/// Where packages and Homebrew put the server when it is not in an ordinary user's PATH.
const PLACES: [&str; 6] =
    ["/usr/sbin", "/usr/libexec", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/local/mysql/bin"];

const HINT: &str = "on Debian and Ubuntu: sudo apt-get install --no-install-recommends mariadb-server-core \
                    mariadb-client-core mariadb-client (no service is started by these)";

/// InnoDB's files as small as they go: they are copied at every start.
const SMALL: [&str; 2] = ["--innodb-log-file-size=4M", "--innodb-data-file-path=ibdata1:10M:autoextend"];

/// Starts private servers of this machine's own MariaDB.
#[derive(Debug)]
pub struct MariaDb;

impl MariaDb {
    /// [`Release::start`] of the MariaDB that is installed here.
    ///
    /// # Errors
    /// As there.
    pub async fn start(options: Options) -> Result<Server, SandboxError> {
        Release::MariaDb10_11.start(options).await
    }
}

/// The server that is installed on this machine.
pub(super) fn installed() -> Option<PathBuf> {
    find_program("mariadbd", &PLACES)
}

pub(super) fn not_installed(program: &'static str) -> SandboxError {
    SandboxError::Missing { program, looked: format!("PATH, {}", PLACES.join(", ")), hint: HINT.to_owned() }
}

pub(super) async fn start_installed(server: PathBuf, options: Options) -> Result<Server, SandboxError> {
    let install = find_program("mariadb-install-db", &PLACES).ok_or_else(|| not_installed("mariadb-install-db"))?;
    let folder = Folder::new()?;
    from_template(&template(&server), &folder.path().join("data"), |data| initialise(&install, data))?;
    Server::launch(server, folder, &SMALL, options).await
}

/// Starts one that was fetched, whose `server` is a script beside the folder `root` that has all it needs.
pub(super) async fn start_fetched(server: PathBuf, template: &str, options: Options) -> Result<Server, SandboxError> {
    let folder = Folder::new()?;
    from_template(template, &folder.path().join("data"), |data| bootstrap(&server, data))?;
    Server::launch(server, folder, &SMALL, options).await
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

/// What `mariadb-install-db` does (in bootstrap mode a statement ends with its line); that script would run the fetched
/// server on this machine's C library.
fn bootstrap(server: &Path, data: &Path) -> Result<(), SandboxError> {
    let share = server.with_file_name("root").join("usr/share");
    // Until 10.5 the files had MySQL's name.
    let name = if share.join("mariadb").is_dir() { "mariadb" } else { "mysql" };
    let mut sql = b"CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket=NULL;\n".to_vec();
    for part in ["system_tables", "performance_tables", "system_tables_data"] {
        let file = share.join(name).join(format!("{name}_{part}.sql"));
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
