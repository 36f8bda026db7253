//! A practice on a private server, a configuration, and what `check` says of them.

use std::{collections::BTreeMap, fmt::Write as _, path::Path};

use opendental_cdc::{
    check::{Finding, Mend, Report, check},
    config::Config,
    opendental::schema::{self, Engine},
    sandbox::{Options, Release, Server},
};

pub(crate) const PASSWORD: &str = "s3cret";

const ACCOUNT: &str = "CREATE USER cdc@'127.0.0.1' IDENTIFIED BY 's3cret'";

/// The documented grants, and nothing else.
pub(crate) const RIGHTS: &str = "\
    GRANT REPLICATION SLAVE, REPLICATION CLIENT ON *.* TO cdc@'127.0.0.1';\
    GRANT SELECT ON opendental.* TO cdc@'127.0.0.1';\
    GRANT UPDATE ON opendental.apisubscription TO cdc@'127.0.0.1'";

/// A server, and the bridge's configuration beside it.
pub(crate) struct Stage {
    pub(crate) release: Release,
    pub(crate) server: Server,
    pub(crate) folder: tempfile::TempDir,
    /// By key, the values as TOML.
    pub(crate) config: BTreeMap<String, String>,
}

impl Stage {
    /// A practice with nothing wrong; `options` may make it so.
    pub(crate) async fn new(release: Release, options: Options) -> Self {
        let options = options.engine("MyISAM").zone("America/New_York").arg("--sql-mode=");
        let server = release.start(options).await.unwrap();
        let tables: Vec<String> = schema::statements(Engine::MyIsam).collect();
        server.exec(&tables.join("; ")).await.unwrap();
        server.exec(ACCOUNT).await.unwrap();
        server.exec(RIGHTS).await.unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut stage = Self { release, server, folder, config: BTreeMap::new() };
        stage.set("workstation", "\"CDC-BRIDGE\"");
        stage.set("mysql.url", &format!("\"{}\"", stage.server.url_for("cdc", PASSWORD, "opendental")));
        stage.set("state.path", &format!("'{}'", stage.folder.path().join("state.db").display()));
        stage.set("http.listen", "\"127.0.0.1:0\"");
        stage
    }

    pub(crate) async fn plain(release: Release) -> Self {
        Self::new(release, Options::default()).await
    }

    /// Sets a key of the configuration, as TOML.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.config.insert(key.to_owned(), value.to_owned());
    }

    pub(crate) fn toml(&self) -> String {
        self.config.iter().fold(String::new(), |mut toml, (key, value)| {
            writeln!(toml, "{key} = {value}").unwrap();
            toml
        })
    }

    pub(crate) fn config(&self) -> Config {
        Config::from_toml(&self.toml()).unwrap_or_else(|error| panic!("{error}"))
    }

    /// The configuration as a file, for the program.
    pub(crate) fn file(&self) -> std::path::PathBuf {
        let file = self.folder.path().join("opendental-cdc.toml");
        std::fs::write(&file, self.toml()).unwrap();
        file
    }

    pub(crate) fn state(&self) -> std::path::PathBuf {
        self.folder.path().join("state.db")
    }

    pub(crate) async fn exec(&self, sql: &str) {
        self.server.exec(sql).await.unwrap_or_else(|error| panic!("{}: {sql}: {error}", self.release));
    }

    /// Subscribes an endpoint. Its DateTimeStart is of yesterday, so that nobody seems to serve it.
    pub(crate) async fn subscribe(&self, num: i64, url: &str, workstation: &str, watch_table: &str, seconds: i64) {
        self.exec(&format!(
            "INSERT INTO apisubscription (ApiSubscriptionNum, EndPointUrl, Workstation, CustomerKey, WatchTable, \
             PollingSeconds, UiEventType, DateTimeStart, Note) \
             VALUES ({num}, '{url}', '{workstation}', 'hushhushkey', '{watch_table}', {seconds}, '', NOW() - INTERVAL 1 DAY, '')"
        ))
        .await;
    }

    pub(crate) async fn report(&self) -> Report {
        check(&self.config()).await
    }

    /// The findings of one look.
    pub(crate) async fn found(&self, look: &str) -> Vec<Finding> {
        let report = self.report().await;
        let found: Vec<Finding> = report.findings.iter().filter(|one| one.look() == look).cloned().collect();
        assert!(!found.is_empty(), "{}: no look at {look} in {report:#?}", self.release);
        found
    }

    /// Asserts what `check` says at one look of this set-up, tells it for the table of them, and returns it.
    pub(crate) async fn says(&self, set_up: &str, look: &str, line: &str) -> Finding {
        let found = self.found(look).await;
        let line = line.replace("{folder}", &self.folder.path().display().to_string());
        let known = found.iter().find(|finding| said(finding) == line);
        let Some(finding) = known else {
            let found: Vec<String> = found.iter().map(said).collect();
            panic!("{}, {set_up}: {look}\n said {found:#?}\n not  {line:?}", self.release);
        };
        tell(self.release, set_up, finding, self.folder.path());
        finding.clone()
    }

    /// Does what a finding says, word by word.
    pub(crate) async fn mend(&mut self, finding: &Finding) {
        let mut settings = Vec::new();
        for mend in finding.mends() {
            match mend {
                Mend::Sql(sql) => self.exec(sql).await,
                Mend::Setting { line, .. } => {
                    let (name, value) = line.split_once(" = ").unwrap();
                    settings.push(format!("--{}={value}", name.replace('_', "-")));
                }
                Mend::Config(line) => {
                    let (key, value) = line.split_once(" = ").unwrap();
                    self.set(key, value);
                }
                // What only a person can do.
                Mend::Do(_) => {}
            }
        }
        if !settings.is_empty() {
            self.server.restart_with(settings).await.unwrap();
        }
    }

    /// A broken set-up, the line that is printed, and the line after what it prints was done.
    pub(crate) async fn mends(&mut self, set_up: &str, look: &str, broken: &str, mended: &str) {
        let finding = self.says(set_up, look, broken).await;
        self.mend(&finding).await;
        let found: Vec<String> = self.found(look).await.iter().map(said).collect();
        assert_eq!(found, [mended], "{}, {set_up}: {look}, once it was mended", self.release);
    }
}

/// What is printed of a finding, in one line.
pub(crate) fn said(finding: &Finding) -> String {
    let mends = finding.mends().iter().map(|mend| format!(" | {}: {}", mend.kind(), mend.text()));
    format!("{}: {}{}", finding.outcome().name(), finding.found(), mends.collect::<String>())
}

/// A row of the table of broken set-ups.
pub(crate) fn tell(release: Release, set_up: &str, finding: &Finding, folder: &Path) {
    let line = said(finding).replace(&folder.display().to_string(), "…").replace('|', "\\|");
    println!("| {release} | {set_up} | `{}` {line} |", finding.look());
}

/// Those of the releases that this machine has.
pub(crate) fn available(releases: &[Release]) -> impl Iterator<Item = Release> {
    releases.iter().copied().filter(|release| {
        let available = release.is_available();
        if !available {
            println!("{release} was NOT tested: scripts/fetch-servers has not brought it");
        }
        available
    })
}

/// The newest of each kind that tests are quick on.
pub(crate) const BOTH: [Release; 2] = [Release::MariaDb10_11, Release::MySql9_7];
