//! Private servers whose log holds changes of appointments, as an office writes them.

use std::path::PathBuf;

use mysql_async::{Conn, prelude::Queryable};
use opendental_cdc::{
    binlog::Position,
    config::{Config, MysqlConfig},
    opendental::schema::{self, Engine},
    sandbox::{MariaDb, MySql, Options, Server},
    source::Database,
};

/// Rows that one statement of the workload "bulk" changes.
const STATEMENT: u64 = 1000;

/// Whose server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Vendor {
    MariaDb,
    MySql,
}

/// How the rows were changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Workload {
    /// By statements of a thousand rows each.
    Bulk,
    /// Each by a statement, and so a transaction, of its own.
    Single,
}

/// A server, and the stretch of its log that is read.
pub struct Log {
    pub server: Server,
    pub vendor: Vendor,
    pub start: Position,
    pub end: Position,
}

impl Vendor {
    pub fn name(self) -> &'static str {
        match self {
            Self::MariaDb => "MariaDB",
            Self::MySql => "MySQL",
        }
    }

    /// Those that this machine has.
    pub fn all() -> Vec<Self> {
        let mut all = vec![Self::MariaDb];
        if MySql::is_available() {
            all.push(Self::MySql);
        } else {
            println!("MySQL is NOT measured: scripts/fetch-servers has not brought it");
        }
        all
    }

    /// A server with Open Dental's tables, without the indices that would only slow the load down.
    async fn start(self, metadata: &str) -> Server {
        let options = Options::default().arg("--sql-mode=").arg(format!("--binlog-row-metadata={metadata}"));
        // The log must be one file: not everybody goes on with the next.
        let options = options.arg("--max-binlog-size=1G").arg("--key-buffer-size=128M");
        let server = match self {
            Self::MariaDb => MariaDb::start(options).await.unwrap(),
            Self::MySql => MySql::start(options).await.unwrap(),
        };
        let mut session = server.connect().await.unwrap();
        for statement in schema::statements(Engine::MyIsam) {
            let lines = statement.lines().filter(|line| !line.starts_with("  KEY"));
            let statement = lines.collect::<Vec<_>>().join("\n").replace(",\n)", "\n)");
            session.query_drop(statement).await.unwrap();
        }
        server
    }
}

impl Workload {
    pub const ALL: [Self; 2] = [Self::Bulk, Self::Single];

    pub fn name(self) -> &'static str {
        match self {
            Self::Bulk => "statements of 1000 rows",
            Self::Single => "transactions of one row",
        }
    }

    /// Changes about `rows` rows: two thirds are inserted, one in four updated, one in twelve deleted.
    pub async fn run(self, session: &mut Conn, rows: u64) {
        let inserts = rows * 2 / 3;
        match self {
            Self::Bulk => bulk(session, inserts).await,
            Self::Single => single(session, inserts).await,
        }
    }
}

impl Log {
    /// A server's log that was filled by `workload`, with this `binlog_row_metadata`; `before` is called ahead of that.
    pub async fn fill(
        (vendor, workload): (Vendor, Workload),
        metadata: &str,
        rows: u64,
        before: impl AsyncFnOnce(&Server),
    ) -> Self {
        let server = vendor.start(metadata).await;
        before(&server).await;
        let database = Database::connect(&mysql(&server)).await.unwrap();
        let mut session = server.connect().await.unwrap();
        session.query_drop("FLUSH BINARY LOGS").await.unwrap();
        let start = database.current_position().await.unwrap();
        workload.run(&mut session, rows).await;
        let end = database.current_position().await.unwrap();
        assert_eq!(start.file, end.file, "the log must fit one file of a gigabyte: take fewer rows");
        Self { server, vendor, start, end }
    }

    /// The log's file.
    pub async fn path(&self) -> PathBuf {
        let base = self.server.value("SELECT @@log_bin_basename").await.unwrap().unwrap();
        PathBuf::from(base).with_file_name(&self.start.file)
    }

    /// Megabytes between start and end.
    pub fn megabytes(&self) -> f64 {
        (self.end.offset - self.start.offset) as f64 / 1e6
    }
}

/// How we connect to a server.
pub fn mysql(server: &Server) -> MysqlConfig {
    let text =
        format!("workstation = \"BENCH\"\n[mysql]\nurl = \"{}\"\ntls = \"disabled\"\n", server.url("opendental"));
    Config::from_toml(&text).unwrap().mysql
}

/// The columns that an appointment's insert names, and their values for number `n`.
const COLUMNS: &str = "AptNum, PatNum, AptStatus, Pattern, Confirmed, Op, Note, ProvNum, AptDateTime, ProcDescript, \
                       ClinicNum, DateTimeArrived, DateTimeSeated, DateTimeDismissed, ProcsColored, ColorOverride, \
                       AppointmentTypeNum, SecUserNumEntry, SecDateTEntry, ProvBarText, SecurityHash";

fn values(n: &str) -> String {
    format!(
        "{n}, {n} % 9973, 1, '//XXXXXXXX//', {n} % 19, {n} % 7, CONCAT('Patient asks for ', REPEAT('a call ', {n} % 9)), \
         {n} % 5, NOW() + INTERVAL {n} MINUTE, '2BWX, PerEx, Pro', {n} % 3, NOW(), NOW(), NOW(), \
         CONCAT('<span color=\"-16777216\">2BWX, PerEx</span>', {n}), -1, {n} % 4, 1, NOW(), 'DOC', SHA2({n}, 256)"
    )
}

const UPDATE: &str =
    "UPDATE appointment SET Confirmed = Confirmed + 1, AptDateTime = AptDateTime + INTERVAL 1 DAY WHERE";

async fn bulk(session: &mut Conn, inserts: u64) {
    let numbers: Vec<String> = (1..=STATEMENT).map(|n| format!("({n})")).collect();
    session.query_drop("CREATE TEMPORARY TABLE numbers (n INT PRIMARY KEY)").await.unwrap();
    session.query_drop(format!("INSERT INTO numbers VALUES {}", numbers.join(","))).await.unwrap();
    for statement in 0..inserts.div_ceil(STATEMENT) {
        let first = statement * STATEMENT;
        let values = values(&format!("({first} + n)"));
        session.query_drop(format!("INSERT INTO appointment ({COLUMNS}) SELECT {values} FROM numbers")).await.unwrap();
        let range = format!("AptNum BETWEEN {} AND {}", first + 1, first + STATEMENT);
        session.query_drop(format!("{UPDATE} {range} AND AptNum % 8 < 3")).await.unwrap();
        session.query_drop(format!("DELETE FROM appointment WHERE {range} AND AptNum % 8 = 0")).await.unwrap();
    }
}

async fn single(session: &mut Conn, inserts: u64) {
    let insert = format!("INSERT INTO appointment ({COLUMNS}) VALUES ({})", values("n"));
    session
        .query_drop(format!(
            "CREATE PROCEDURE fill(last BIGINT) BEGIN DECLARE n BIGINT DEFAULT 1; WHILE n <= last DO {insert}; \
             IF n % 8 < 3 THEN {UPDATE} AptNum = n; END IF; \
             IF n % 8 = 0 THEN DELETE FROM appointment WHERE AptNum = n; END IF; \
             SET n = n + 1; END WHILE; END"
        ))
        .await
        .unwrap();
    session.query_drop(format!("CALL fill({inserts})")).await.unwrap();
}
