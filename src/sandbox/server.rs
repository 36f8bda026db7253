//! A running private server, whatever its kind.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, OptsBuilder, Row};

use super::folder::{Folder, tail, tmpdir, user_argument};
use super::process::Process;
use super::{Options, SandboxError};

/// A start takes about a second; a busy machine gets this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often another port is tried when somebody took ours between choosing and binding it.
const PORTS: usize = 5;

/// ER_BAD_DB_ERROR.
const UNKNOWN_DATABASE: u16 = 1049;

/// ER_CANNOT_CONVERT_STRING.
const CANNOT_CONVERT: u16 = 3854;

/// A private server. Dropping it kills it and removes its data.
#[derive(Debug)]
pub struct Server {
    // Dropped in this order: first the process, then the folder under it.
    process: Option<Process>,
    program: PathBuf,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    database: String,
    port: u16,
    socket: PathBuf,
    folder: Folder,
}

impl Server {
    /// Starts `program` on the data folder `data` inside `folder`. `own` are the arguments of this kind of server.
    pub(crate) async fn launch(
        program: PathBuf,
        folder: Folder,
        own: &[&str],
        options: Options,
    ) -> Result<Self, SandboxError> {
        let path = folder.path().to_owned();
        let mut arguments = vec![
            "--no-defaults".to_owned(),
            format!("--datadir={}", path.join("data").display()),
            format!("--socket={}", path.join("socket").display()),
            format!("--pid-file={}", path.join("pid").display()),
            tmpdir(&path)?,
        ];
        arguments.extend(own.iter().map(|&argument| argument.to_owned()));
        arguments.extend(
            [
                "--bind-address=127.0.0.1",
                "--skip-name-resolve",
                "--server-id=1",
                "--log-bin=mysql-bin",
                "--binlog-format=ROW",
                "--binlog-row-image=FULL",
                // Nobody misses the data of a throw-away server after a power cut.
                "--sync-binlog=0",
                "--innodb-flush-log-at-trx-commit=0",
                "--innodb-buffer-pool-size=32M",
                "--performance-schema=OFF",
            ]
            .map(str::to_owned),
        );
        arguments.extend(user_argument(&path));
        arguments.extend(options.arguments);
        let mut server = Self {
            process: None,
            program,
            arguments,
            environment: options.environment,
            database: options.database,
            port: 0,
            socket: path.join("socket"),
            folder,
        };
        for attempt in 1.. {
            server.port = free_port()?;
            match server.run().await {
                Err(SandboxError::Start { said, .. }) if attempt < PORTS && said.contains("already in use") => {}
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        if !server.database.is_empty() {
            server.exec(&format!("CREATE DATABASE IF NOT EXISTS `{}`", server.database)).await?;
        }
        Ok(server)
    }

    /// Starts the process and waits until it answers.
    async fn run(&mut self) -> Result<(), SandboxError> {
        let log = self.log();
        let mut arguments = self.arguments.clone();
        arguments.push(format!("--port={}", self.port));
        let mut process = Process::start(&self.program, &arguments, &self.environment, &log)?;
        let until = Instant::now() + PATIENCE;
        loop {
            let failure = match self.connect_plain().await {
                Ok(connection) => {
                    connection.disconnect().await?;
                    self.process = Some(process);
                    return Ok(());
                }
                Err(error) => error,
            };
            let how = if process.has_ended() {
                "ended while starting".to_owned()
            } else if Instant::now() > until {
                format!("did not answer within {} s: {failure}", PATIENCE.as_secs())
            } else {
                tokio::time::sleep(Duration::from_millis(10)).await;
                continue;
            };
            process.kill();
            let said = std::fs::read_to_string(&log).unwrap_or_default();
            return Err(SandboxError::Start { how, said: tail(&said) });
        }
    }

    /// The URL of a database on this server, as `mysql.url` in the configuration wants it; user root, no password.
    pub fn url(&self, database: &str) -> String {
        self.url_for("root", "", database)
    }

    /// The URL for another user.
    pub fn url_for(&self, user: &str, password: &str, database: &str) -> String {
        let colon = if password.is_empty() { "" } else { ":" };
        format!("mysql://{user}{colon}{password}@127.0.0.1:{}/{database}", self.port)
    }

    /// The TCP port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The Unix socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }

    /// The data folder, with the binlog files `mysql-bin.000001`, … in it.
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// What the server prints, its error log.
    pub fn log(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    /// True while the server process lives.
    pub fn is_running(&mut self) -> bool {
        self.process.as_mut().is_some_and(|process| !process.has_ended())
    }

    /// Kills the server as `kill -9` does; the data stays for [`restart`](Self::restart).
    pub fn kill(&mut self) {
        self.process = None;
    }

    /// Shuts the server down in order.
    ///
    /// # Errors
    /// When it did not end within two minutes; it is killed then.
    pub async fn stop(&mut self) -> Result<(), SandboxError> {
        if self.process.is_none() {
            return Ok(());
        }
        self.signal("TERM").await?;
        let until = Instant::now() + PATIENCE;
        while self.is_running() {
            if Instant::now() > until {
                self.kill();
                let how = "did not stop when asked to, and was killed".to_owned();
                return Err(SandboxError::Start { how, said: String::new() });
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.process = None;
        Ok(())
    }

    /// Starts the server again on the same data and port; one that is running is shut down first.
    ///
    /// # Errors
    /// As for the first start.
    pub async fn restart(&mut self) -> Result<(), SandboxError> {
        self.stop().await?;
        self.run().await
    }

    /// As [`restart`](Self::restart), from then on with further arguments, which win over those before.
    ///
    /// # Errors
    /// As for the first start.
    pub async fn restart_with(&mut self, arguments: impl IntoIterator<Item = String>) -> Result<(), SandboxError> {
        self.arguments.extend(arguments);
        self.restart().await
    }

    /// Freezes the server: its connections stay open and are silent. Undone by [`resume`](Self::resume).
    ///
    /// # Errors
    /// When the server is not running.
    pub async fn pause(&self) -> Result<(), SandboxError> {
        self.signal("STOP").await
    }

    /// Lets a frozen server go on.
    ///
    /// # Errors
    /// When the server is not running.
    pub async fn resume(&self) -> Result<(), SandboxError> {
        self.signal("CONT").await
    }

    async fn signal(&self, name: &str) -> Result<(), SandboxError> {
        if self.process.is_none() {
            return Err(SandboxError::Stopped);
        }
        let file = self.folder.path().join("pid");
        let pid = std::fs::read_to_string(&file).map_err(SandboxError::io("cannot read", &file))?;
        // The shell's own `kill`: the program of that name is not on every machine.
        let status = tokio::process::Command::new("/bin/sh")
            .args(["-c", "kill -\"$1\" \"$2\"", "sh", name, pid.trim()])
            .status()
            .await
            .map_err(SandboxError::io("cannot run", "/bin/sh"))?;
        if status.success() { Ok(()) } else { Err(SandboxError::Stopped) }
    }

    /// A connection of root to the database, for tests that need a session of their own.
    ///
    /// # Errors
    /// When the server is not running.
    pub async fn connect(&self) -> Result<Conn, SandboxError> {
        let mut connection = self.connect_plain().await?;
        if !self.database.is_empty() {
            match connection.query_drop(format!("USE `{}`", self.database)).await {
                // Not made yet, or dropped by a test.
                Err(mysql_async::Error::Server(error)) if error.code == UNKNOWN_DATABASE => {}
                other => other?,
            }
        }
        Ok(connection)
    }

    async fn connect_plain(&self) -> Result<Conn, mysql_async::Error> {
        let options = OptsBuilder::default()
            .user(Some("root"))
            .socket(Some(self.socket.to_string_lossy()))
            .ip_or_hostname("127.0.0.1")
            .tcp_port(self.port);
        Conn::new(options).await
    }

    /// Runs statements, separated by `;`, as root in the database, in a session of their own that has ended, with all
    /// that it held, when this returns.
    ///
    /// # Errors
    /// What the server said about the first that failed.
    pub async fn exec(&self, statements: &str) -> Result<(), SandboxError> {
        let mut connection = self.connect().await?;
        let id = connection.id();
        connection.query_drop(statements).await?;
        connection.disconnect().await?;
        self.ended(id).await
    }

    /// A server ends a session some time after its client has left. Till then its temporary tables, its locks and its
    /// prepared XA transactions are nobody else's.
    async fn ended(&self, session: u32) -> Result<(), SandboxError> {
        // A statement may have shut the server down.
        let Ok(mut connection) = self.connect_plain().await else { return Ok(()) };
        let there = format!("SELECT 1 FROM information_schema.processlist WHERE id = {session}");
        loop {
            match connection.query_first::<u8, _>(there.as_str()).await {
                Ok(None) => break,
                Ok(Some(_)) => {}
                // MySQL cannot show a statement with a character of four bytes, such as that of a session that is leaving.
                Err(mysql_async::Error::Server(error)) if error.code == CANNOT_CONVERT => {}
                Err(error) => return Err(error.into()),
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        Ok(connection.disconnect().await?)
    }

    /// The rows of a query, every value as the server's text; NULL is `None`.
    ///
    /// # Errors
    /// What the server said, or a value that is not UTF-8.
    pub async fn query(&self, statement: &str) -> Result<Vec<Vec<Option<String>>>, SandboxError> {
        let mut connection = self.connect().await?;
        let rows: Vec<Row> = connection.query(statement).await?;
        connection.disconnect().await?;
        rows.into_iter().map(|row| row.unwrap().into_iter().map(text).collect()).collect()
    }

    /// The first value of a query, as text; `None` for NULL and for no row.
    ///
    /// # Errors
    /// As for [`query`](Self::query).
    pub async fn value(&self, statement: &str) -> Result<Option<String>, SandboxError> {
        Ok(self.query(statement).await?.into_iter().flatten().next().flatten())
    }
}

fn text(value: mysql_async::Value) -> Result<Option<String>, SandboxError> {
    match value {
        mysql_async::Value::NULL => Ok(None),
        mysql_async::Value::Bytes(bytes) => String::from_utf8(bytes).map(Some).map_err(|_| SandboxError::NotText),
        other => Ok(Some(other.as_sql(true))),
    }
}

fn free_port() -> Result<u16, SandboxError> {
    let port = TcpListener::bind(("127.0.0.1", 0)).and_then(|listener| listener.local_addr());
    port.map(|address| address.port()).map_err(SandboxError::io("cannot find a free port on", "127.0.0.1"))
}
