//! Every key that there is, with what its value must be.

use super::{ByteSize, MemoryConfig, check, duration, endpoint_rule};

/// One key of the configuration.
pub(super) struct Key {
    /// `section.key`, or the key alone at the top.
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Its value is never shown.
    pub(super) secret: bool,
}

/// What a value must be.
pub(super) enum Kind {
    /// A text that the function accepts; its error says what is wrong or allowed.
    Text(fn(&str) -> Result<(), String>),
    /// A whole number between the two, both included.
    Integer(u64, u64),
    /// A number of bytes, or a text with a unit: between the two, both included.
    Size(ByteSize, ByteSize),
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A list of texts, each of which the function accepts.
    List(fn(&str) -> Result<(), String>),
    /// `true` or `false`.
    Switch,
}

impl Kind {
    /// The type in words.
    pub(super) fn expected(&self) -> String {
        match self {
            Kind::Text(_) => "must be a text in quotes".to_owned(),
            Kind::Integer(low, high) => format!("must be a whole number from {low} to {high}"),
            Kind::Size(low, high) => {
                format!("must be a size such as \"256 MB\", or a number of bytes, from {low} to {high}")
            }
            Kind::Choice(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                format!("must be one of {}", quoted.join(", "))
            }
            Kind::List(_) => "must be a list of texts".to_owned(),
            Kind::Switch => "must be true or false".to_owned(),
        }
    }
}

const fn key(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, secret: false }
}

const fn secret(name: &'static str, kind: Kind) -> Key {
    Key { name, kind, secret: true }
}

/// All keys, in the order of the default file.
pub(super) const KEYS: &[Key] = &[
    key("workstation", Kind::Text(check::workstation)),
    key("engine", Kind::Choice(&["binlog", "polling"])),
    secret("mysql.url", Kind::Text(check::mysql_url)),
    key("mysql.tls", Kind::Choice(&["disabled", "preferred", "required", "verify-ca", "verify-identity"])),
    key("mysql.tls_ca", Kind::Text(check::any)),
    key("mysql.server_id", Kind::Integer(0, u32::MAX as u64)),
    key("mysql.time_zone", Kind::Text(check::time_zone)),
    key("mysql.client", Kind::Text(check::client)),
    key("mysql.heartbeat_seconds", Kind::Integer(1, 60)),
    key("source.audit", Kind::Text(duration::audit)),
    key("state.path", Kind::Text(check::state_path)),
    key("state.max_rebuild", Kind::Size(ByteSize::from_bytes(1000), ByteSize::from_bytes(1_000_000_000_000_000))),
    key("memory.budget", Kind::Size(MemoryConfig::LEAST, ByteSize::from_bytes(1_000_000_000_000))),
    key("opendental.schedule_operatories", Kind::Switch),
    key("opendental.tables", Kind::List(check::table)),
    key("delivery.timeout_seconds", Kind::Integer(1, 600)),
    key("delivery.max_elements", Kind::Integer(1, 1000)),
    key("delivery.retry_max_seconds", Kind::Integer(1, 86_400)),
    key("delivery.max_catch_up", Kind::Text(duration::max_catch_up)),
    key("delivery.catch_up_overlap", Kind::Text(duration::catch_up_overlap)),
    key("delivery.concurrency", Kind::Integer(1, 10_000)),
    key("delivery.concurrency_per_host", Kind::Integer(1, 10_000)),
    key("delivery.log_days", Kind::Integer(0, 3650)),
    secret("delivery.secrets", Kind::List(check::webhook_secret)),
    key("delivery.allow", Kind::List(endpoint_rule::check)),
    key("delivery.deny", Kind::List(endpoint_rule::check)),
    key("http.listen", Kind::Text(check::listen)),
    key("http.hosts", Kind::List(check::host)),
    secret("http.admin_token", Kind::Text(check::admin_token)),
    secret("http.api_keys", Kind::List(check::api_key)),
    key("http.ui_events", Kind::Choice(&["loopback", "keys"])),
    key("log.level", Kind::Choice(&["error", "warn", "info", "debug", "trace"])),
    key("log.format", Kind::Choice(&["text", "json"])),
];

/// The key called `name`.
pub(super) fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Whether keys live under `name`.
pub(super) fn is_section(name: &str) -> bool {
    KEYS.iter().any(|key| key.name.split_once('.').is_some_and(|(section, _)| section == name))
}

fn last(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

/// The known key that looks most like `name`; a key under another section counts by its last part too.
pub(super) fn nearest(name: &str) -> &'static str {
    // What other programs have as keys of their own is all in the URL.
    let in_url = ["host", "port", "user", "username", "password", "database", "socket"];
    if name.strip_prefix("mysql.").is_some_and(|key| in_url.contains(&key)) {
        return "mysql.url";
    }
    let likeness = |key: &Key| {
        let whole = strsim::normalized_damerau_levenshtein(name, key.name);
        whole.max(0.9 * strsim::normalized_damerau_levenshtein(last(name), last(key.name)))
    };
    KEYS.iter().max_by(|left, right| likeness(left).total_cmp(&likeness(right))).map_or("workstation", |key| key.name)
}
