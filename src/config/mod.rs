//! The configuration: one TOML file, layered over built-in defaults and under the environment.
//!
//! [`Config::load`] reads it and refuses it as a whole, with every problem named at once ([`ConfigError`]). The
//! secrets in it are [`SecretString`]s: their Debug form never shows them.

mod address;
mod check;
mod client;
mod duration;
mod endpoint_rule;
mod keys;
mod layers;
mod load;
#[cfg(feature = "mysql-cdc")]
mod mysql_cdc;
mod problem;
mod secret_files;
mod size;
#[cfg(test)]
mod tests;

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use serde::Deserialize;

pub use address::{AddressError, MysqlAddress, MysqlEndpoint};
pub use client::BinlogClient;
pub use endpoint_rule::EndpointRule;
pub use problem::{ConfigError, Problem};
pub use size::ByteSize;

/// The commented default file: every key with its range and default. It is the lowest layer.
pub const DEFAULT_FILE: &str = include_str!("../../config/opendental-cdc.toml");

/// Everything that can be configured; `config/opendental-cdc.toml` explains each key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Sent in the `Workstation` header, and which subscriptions are ours; never blank (default: the host's name).
    pub workstation: String,
    /// How changes are found.
    pub engine: Engine,
    /// The server that is read.
    pub mysql: MysqlConfig,
    /// How the server is watched.
    pub source: SourceConfig,
    /// What survives a restart.
    pub state: StateConfig,
    /// How much memory may be used.
    pub memory: MemoryConfig,
    /// What of the practice's database is watched.
    pub opendental: OpenDentalConfig,
    /// How events are sent.
    pub delivery: DeliveryConfig,
    /// What we listen on.
    pub http: HttpConfig,
    /// What we write about ourselves.
    pub log: LogConfig,
}

/// `engine`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Engine {
    /// In the server's binary log.
    Binlog,
    /// By their time stamps, as Open Dental's own sender does.
    Polling,
}

/// `[mysql]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MysqlConfig {
    /// `mysql://user:password@host:port/database`; `?socket=/path` for a Unix socket.
    /// [`MysqlConfig::address`] takes it apart.
    pub url: SecretString,
    /// Whether and how the connection is encrypted.
    pub tls: TlsMode,
    /// PEM file with the certificate authorities to trust; empty: the public ones.
    pub tls_ca: PathBuf,
    /// Our id among the server's replicas; 0: derived.
    pub server_id: u32,
    /// `auto` or an IANA name.
    pub time_zone: String,
    /// Which crate makes the binlog connection.
    pub client: BinlogClient,
    /// Seconds between the server's heartbeats on an idle binlog, 1 to 60.
    pub heartbeat_seconds: u32,
}

impl MysqlConfig {
    /// [`MysqlConfig::heartbeat_seconds`] as a duration.
    pub(crate) fn heartbeat(&self) -> Duration {
        Duration::from_secs(self.heartbeat_seconds.max(1).into())
    }
}

/// `mysql.tls`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TlsMode {
    /// Never.
    Disabled,
    /// If the server offers it; the certificate is not looked at.
    Preferred,
    /// Always; the certificate is not looked at.
    Required,
    /// Always, with a certificate of a trusted authority.
    VerifyCa,
    /// Always, with a certificate of a trusted authority for the host's name.
    VerifyIdentity,
}

/// `[source]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceConfig {
    /// How often rows are searched for that never reached the server's log; `None`: never.
    #[serde(deserialize_with = "duration::read_unless_off")]
    pub audit: Option<Duration>,
}

/// `[state]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StateConfig {
    /// The SQLite file.
    pub path: PathBuf,
    /// A subscription whose place lies further behind the others', in bytes of log, is read for by itself at a start.
    pub max_rebuild: ByteSize,
}

/// `[memory]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MemoryConfig {
    /// For what was read and is not sent yet, at least [`MemoryConfig::LEAST`].
    pub budget: ByteSize,
}

impl MemoryConfig {
    /// The smallest budget.
    pub const LEAST: ByteSize = ByteSize::from_bytes(16_000_000);
}

/// `[opendental]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenDentalConfig {
    /// Whether a change of a schedule's operatories is a change of the schedule.
    pub schedule_operatories: bool,
    /// Tables of the practice that are watch tables too, under their own names.
    pub tables: Vec<String>,
}

/// `[delivery]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeliveryConfig {
    /// Seconds until an attempt without an answer's status has failed, 1 to 600.
    pub timeout_seconds: u64,
    /// Elements of one event at most, 1 to 1000.
    pub max_elements: usize,
    /// Longest pause between attempts in seconds, 1 to 86400.
    pub retry_max_seconds: u64,
    /// A catch-up reaches no further back than this; `None`: as far as DateTimeStart says.
    #[serde(deserialize_with = "duration::read_optional")]
    pub max_catch_up: Option<Duration>,
    /// How far before its last window a subscription catches up whose place in the log is lost.
    #[serde(deserialize_with = "duration::read")]
    pub catch_up_overlap: Duration,
    /// Events under way at once, 1 to 10000; as many again of subscriptions whose last attempt failed.
    pub concurrency: usize,
    /// Events under way at once to one host and port, 1 to 10000; as many again of troubled subscriptions.
    pub concurrency_per_host: usize,
    /// Days for which the delivery log in the state file is kept, 0 to 3650; 0: there is none.
    pub log_days: u32,
    /// Standard Webhooks secrets, `whsec_…`, newest first; empty: events are not signed.
    pub secrets: Vec<SecretString>,
    /// The endpoints that events may go to; empty: all that are not denied.
    pub allow: Vec<EndpointRule>,
    /// Endpoints that no event goes to, beside those that are always denied.
    pub deny: Vec<EndpointRule>,
}

/// `[http]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port; empty turns it off.
    pub listen: String,
    /// Names by which it is called, beside this host's own.
    pub hosts: Vec<String>,
    /// What the status page asks for; empty: it answers this machine only.
    pub admin_token: SecretString,
    /// `DeveloperKey/CustomerKey`, or a customer key alone: keys beside those of the practice's table `apikey`.
    pub api_keys: Vec<SecretString>,
    /// Whose UI events are taken.
    pub ui_events: UiEventCallers,
}

/// `http.ui_events`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UiEventCallers {
    /// Programs on this machine.
    Loopback,
    /// Whoever has a key of the API.
    Keys,
}

impl HttpConfig {
    /// Listening on this address, all else by default.
    pub fn on(listen: &str) -> Self {
        Self {
            listen: listen.to_owned(),
            hosts: Vec::new(),
            admin_token: "".into(),
            api_keys: Vec::new(),
            ui_events: UiEventCallers::Loopback,
        }
    }
}

/// `[log]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogConfig {
    /// `error`, `warn`, `info`, `debug` or `trace`.
    pub level: LogLevel,
    /// How lines are written.
    pub format: LogFormat,
}

/// `log.level`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// Only what needs a person.
    Error,
    /// And what a person should know.
    Warn,
    /// And each event sent.
    Info,
    /// And each step.
    Debug,
    /// And what libraries say.
    Trace,
}

/// `log.format`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}
