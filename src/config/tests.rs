//! Tests of loading: what is taken, and in which words everything else is refused.

#![allow(clippy::unwrap_used)]

use std::{fs, path::Path};

use secrecy::ExposeSecret;

use super::*;

/// The least that a file must say.
const LEAST: &str = "mysql.url = 'mysql://cdc:secret@127.0.0.1:3306/opendental'\n";
const NEAR: &str = "is not a known key; the nearest is";
/// Why it cannot read as an account without a password.
const MYSQL_CDC: &str = if cfg!(feature = "mysql-cdc") {
    "cannot log in without a password; give mysql.url one, or use \"direct\""
} else {
    "is not in this build, which was made without the cargo feature mysql-cdc; use \"direct\""
};

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// The problems of a file with `text`, one to a line.
fn problems(text: &str) -> String {
    lines(Config::from_toml(text).unwrap_err())
}

/// The problems of the least file under these variables.
fn environment_problems(pairs: &[(&str, &str)]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cdc.toml");
    fs::write(&path, LEAST).unwrap();
    lines(Config::load_with(Some(&path), variables(pairs)).unwrap_err())
}

fn lines(error: ConfigError) -> String {
    match error {
        ConfigError::Refused(problems) => {
            problems.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n").replace(" (in text)", "")
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_default_file_needs_only_the_url() {
    assert_eq!(problems(""), "mysql.url: is not set; set it in the file or as OPENDENTAL_CDC_MYSQL__URL");
    let config = Config::from_toml(LEAST).unwrap();
    assert_eq!(config.workstation, hostname::get().unwrap().to_str().unwrap());
    assert_eq!(config.mysql.tls, TlsMode::Preferred);
    assert_eq!(config.mysql.tls_ca, Path::new(""));
    assert_eq!((config.mysql.server_id, config.mysql.time_zone.as_str()), (0, "auto"));
    assert_eq!((config.mysql.client, config.mysql.heartbeat_seconds), (BinlogClient::Direct, 10));
    assert_eq!(config.state.path, Path::new("opendental-cdc.db"));
    assert_eq!(config.state.max_rebuild, ByteSize::from_bytes(1_000_000_000));
    assert_eq!(config.memory.budget, ByteSize::from_bytes(256_000_000));
    assert!(config.opendental.schedule_operatories && config.opendental.tables.is_empty());
    let delivery = &config.delivery;
    assert_eq!((delivery.timeout_seconds, delivery.max_elements, delivery.retry_max_seconds), (60, 1000, 60));
    assert_eq!((delivery.max_catch_up, delivery.catch_up_overlap.as_secs()), (None, 900));
    assert!(delivery.secrets.is_empty() && delivery.concurrency_per_host <= delivery.concurrency);
    let http = &config.http;
    assert_eq!((http.listen.as_str(), http.admin_token.expose_secret()), ("127.0.0.1:30224", ""));
    assert!(http.hosts.is_empty() && http.api_keys.is_empty());
    assert_eq!((config.log.level, config.log.format), (LogLevel::Info, LogFormat::Text));
}

#[test]
fn the_default_file_explains_every_key_and_its_range() {
    let mut section = String::new();
    let mut explained = Vec::new();
    for line in DEFAULT_FILE.lines() {
        let line = line.trim_start_matches("# ");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if let Some((name, _)) = line.split_once(" = ")
            && keys::find(&format!("{section}{name}")).is_some()
        {
            explained.push(format!("{section}{name}"));
        }
    }
    let all: Vec<&str> = keys::KEYS.iter().map(|key| key.name).collect();
    assert_eq!(explained, all);
    for key in keys::KEYS {
        match &key.kind {
            keys::Kind::Integer(low, high) => {
                assert!(DEFAULT_FILE.contains(&format!("# {low} to {high}")), "{}: its range", key.name);
            }
            keys::Kind::Size(low, high) => {
                assert!(DEFAULT_FILE.contains(&format!("{low} to {high}")), "{}: its range", key.name);
            }
            keys::Kind::Choice(names) => {
                assert!(names.iter().all(|name| DEFAULT_FILE.contains(&format!("\"{name}\""))), "{}", key.name);
            }
            _ => {}
        }
    }
}

#[test]
fn the_file_goes_over_the_defaults_and_the_environment_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cdc.toml");
    let text = "workstation = ' FRONT '\n[mysql]\nurl = 'mysql://a@h/d'\nserver_id = 7\ntls = 'verify-ca'\n\
                tls_ca = 'ca.pem'\ntime_zone = 'America/Denver'\n[delivery]\ntimeout_seconds = 5\n";
    // As Windows' editor writes it.
    fs::write(&path, format!("\u{feff}{}", text.replace('\n', "\r\n"))).unwrap();
    let config = Config::load_with(Some(&path), []).unwrap();
    assert_eq!((config.workstation.as_str(), config.mysql.server_id, config.delivery.timeout_seconds), ("FRONT", 7, 5));
    assert_eq!((config.mysql.tls, config.delivery.max_elements), (TlsMode::VerifyCa, 1000));

    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let set = [
        ("OPENDENTAL_CDC_WORKSTATION", "123"),
        ("OPENDENTAL_CDC_MYSQL__URL", "mysql://b:x%40y@h/d"),
        ("OPENDENTAL_CDC_MYSQL__SERVER_ID", "4294967295"),
        ("opendental_cdc_delivery__max_elements", "1"),
        ("OPENDENTAL_CDC_DELIVERY__SECRETS", &format!("{secret}, {secret}")),
        ("OPENDENTAL_CDC_OPENDENTAL__SCHEDULE_OPERATORIES", "false"),
        ("OPENDENTAL_CDC_OPENDENTAL__TABLES", "procedurelog, claim"),
        ("OPENDENTAL_CDC_HTTP__LISTEN", ""),
        ("OPENDENTAL_CDC_MEMORY__BUDGET", "64 MiB"),
        ("OPENDENTAL_CDC_LOG__LEVEL", "trace"),
        ("OPENDENTAL_CDCX", "not ours"),
        ("PATH", "/bin"),
    ];
    let config = Config::load_with(Some(&path), variables(&set)).unwrap();
    assert_eq!((config.workstation.as_str(), config.mysql.server_id), ("123", u32::MAX));
    assert_eq!(config.mysql.address().unwrap().password.expose_secret(), "x@y");
    assert_eq!((config.delivery.max_elements, config.delivery.timeout_seconds), (1, 5));
    assert_eq!(config.memory.budget.bytes(), 64 << 20);
    let secrets: Vec<&str> = config.delivery.secrets.iter().map(ExposeSecret::expose_secret).collect();
    assert_eq!(secrets, [secret, secret]);
    assert_eq!(
        (config.opendental.schedule_operatories, config.opendental.tables),
        (false, vec!["procedurelog".to_owned(), "claim".to_owned()])
    );
    assert_eq!((config.http.listen.as_str(), config.log.level), ("", LogLevel::Trace));

    let config = Config::load_with(None, variables(&[("OPENDENTAL_CDC_MYSQL__URL", "mysql://b@h/d")])).unwrap();
    assert_eq!(config.delivery.timeout_seconds, 60, "a file is not needed");
}

#[test]
fn what_is_wrong_in_the_file_is_named() {
    let integer = "must be a whole number from";
    let tls = "must be one of \"disabled\", \"preferred\", \"required\", \"verify-ca\", \"verify-identity\"";
    let size = "must be a size such as \"256 MB\", or a number of bytes, from 16 MB to 1 TB";
    let table = "must be a table's name without its database, of at most 64 letters, digits, _, $ and -";
    let webhook = "must be \"whsec_\" and the base64 form of 24 to 64 bytes";
    for (text, expected) in [
        ("[delivery]\ntimeout_seconds = 0", format!("delivery.timeout_seconds = 0: {integer} 1 to 600")),
        ("[delivery]\ntimeout_seconds = 601", format!("delivery.timeout_seconds = 601: {integer} 1 to 600")),
        ("[delivery]\ntimeout_seconds = -1", format!("delivery.timeout_seconds = -1: {integer} 1 to 600")),
        ("[delivery]\ntimeout_seconds = 1.5", format!("delivery.timeout_seconds = 1.5: {integer} 1 to 600")),
        ("[delivery]\ntimeout_seconds = '60'", format!("delivery.timeout_seconds = \"60\": {integer} 1 to 600")),
        ("[delivery]\ntimeout_seconds = true", format!("delivery.timeout_seconds = true: {integer} 1 to 600")),
        ("[delivery]\nmax_elements = 1001", format!("delivery.max_elements = 1001: {integer} 1 to 1000")),
        ("[delivery]\nretry_max_seconds = 86401", format!("delivery.retry_max_seconds = 86401: {integer} 1 to 86400")),
        ("[delivery]\nconcurrency = 0", format!("delivery.concurrency = 0: {integer} 1 to 10000")),
        ("[delivery]\nconcurrency_per_host = 0", format!("delivery.concurrency_per_host = 0: {integer} 1 to 10000")),
        ("[mysql]\nserver_id = 4294967296", format!("mysql.server_id = 4294967296: {integer} 0 to 4294967295")),
        ("[mysql]\nheartbeat_seconds = 61", format!("mysql.heartbeat_seconds = 61: {integer} 1 to 60")),
        ("[mysql]\ntls = 'on'", format!("mysql.tls = \"on\": {tls}")),
        ("[mysql]\ntls = ['required']", format!("mysql.tls = a list: {tls}")),
        ("[mysql.tls]\na = 1", format!("mysql.tls = a section: {tls}")),
        ("[mysql]\ntls_ca = 1", "mysql.tls_ca = 1: must be a text in quotes".to_owned()),
        (
            "[mysql]\ntls_ca = 'ca.pem'",
            "mysql.tls_ca = \"ca.pem\": has an effect only with mysql.tls = \"verify-ca\" or \"verify-identity\""
                .to_owned(),
        ),
        (
            "[mysql]\ntime_zone = 'america/denvr'",
            "mysql.time_zone = \"america/denvr\": must be \"auto\" or an IANA time zone; the nearest is \
             \"America/Denver\""
                .to_owned(),
        ),
        ("[mysql]\nclient = 'mysql_cdc'", format!("mysql.client = \"mysql_cdc\": {MYSQL_CDC}")),
        (
            "[mysql]\nclient = 'x'",
            "mysql.client = \"x\": must be one of \"direct\", \"mysql_async\", \"mysql_cdc\"".to_owned(),
        ),
        ("[state]\npath = ''", "state.path = \"\": must be the path of a file".to_owned()),
        ("[memory]\nbudget = '15999999'", format!("memory.budget = \"15999999\": {size}")),
        ("[memory]\nbudget = '2 TB'", format!("memory.budget = \"2 TB\": {size}")),
        ("[memory]\nbudget = 'a lot'", format!("memory.budget = \"a lot\": {size}")),
        ("[memory]\nbudget = 1000", format!("memory.budget = 1000: {size}")),
        ("[memory]\nbudget = true", format!("memory.budget = true: {size}")),
        (
            "[opendental]\nschedule_operatories = 'yes'",
            "opendental.schedule_operatories = \"yes\": must be true or false".to_owned(),
        ),
        ("[opendental]\ntables = ['a', 'b.c']", format!("opendental.tables = a list: entry 2 {table}")),
        ("[opendental]\ntables = ['']", format!("opendental.tables = a list: entry 1 {table}")),
        ("[opendental]\ntables = ['a', 'A']", "opendental.tables: names \"A\" twice".to_owned()),
        ("[delivery]\nsecrets = 'a'", "delivery.secrets = (not shown): must be a list of texts".to_owned()),
        ("[delivery]\nsecrets = ['whsec_YQ==']", format!("delivery.secrets = (not shown): entry 1 {webhook}")),
        (
            "[delivery]\nsecrets = ['whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']",
            format!("delivery.secrets = (not shown): entry 2 {webhook}"),
        ),
        ("[delivery]\nsecrets = [5]", "delivery.secrets = (not shown): entry 1 must be a text in quotes".to_owned()),
        (
            "[http]\nlisten = 'localhost'",
            "http.listen = \"localhost\": must be an IP address and a port, such as \"127.0.0.1:30224\", or \"\" for off"
                .to_owned(),
        ),
        (
            "[http]\nhosts = ['http://server']",
            "http.hosts = a list: entry 1 must be a host's name without scheme and port, such as \
             \"server.practice.example\""
                .to_owned(),
        ),
        (
            "[http]\nadmin_token = 'short'",
            "http.admin_token = (not shown): must be 20 to 256 printable ASCII characters without spaces, or \"\" for none"
                .to_owned(),
        ),
        ("[http]\napi_keys = ['VzkmZEaUWOjnQX2z', 'NFF6i0KrXrxDkZHt/VzkmZEaUWOjnQX2z/x']", {
            "http.api_keys = (not shown): entry 2 must be \"DeveloperKey/CustomerKey\" or a customer key alone, each of 8 to \
             255 printable ASCII characters without spaces"
                .to_owned()
        }),
        (
            "[log]\nlevel = 'verbose'",
            "log.level = \"verbose\": must be one of \"error\", \"warn\", \"info\", \"debug\", \"trace\"".to_owned(),
        ),
        ("[log]\nformat = 1979-05-27", "log.format = a section: must be one of \"text\", \"json\"".to_owned()),
        ("workstation = 'Empf\u{e4}ng'", {
            "workstation = \"Empf\u{e4}ng\": must be printable ASCII of at most 255 characters".to_owned()
        }),
        ("[delivery]\ntimeout = 1", format!("delivery.timeout: {NEAR} delivery.timeout_seconds")),
        ("[delivry]\ntimeout_seconds = 1", format!("delivry.timeout_seconds: {NEAR} delivery.timeout_seconds")),
        ("timeout_seconds = 1", format!("timeout_seconds: {NEAR} delivery.timeout_seconds")),
        ("[mysql]\nmax_elements = 1", format!("mysql.max_elements: {NEAR} delivery.max_elements")),
        ("[mysql]\nurll = 'secret'", format!("mysql.urll: {NEAR} mysql.url")),
        ("[work]", format!("work: {NEAR} workstation")),
        ("[workstation]\nname = 'x'", "workstation = a section: must be a text in quotes".to_owned()),
        ("delivery = 5", "delivery: is a section: write [delivery] and its keys below it".to_owned()),
    ] {
        // Whatever the text does to the section [mysql], the URL is there.
        let text = if text.contains("[mysql]") {
            text.replace("[mysql]\n", "[mysql]\nurl = 'mysql://a@h/d'\n")
        } else {
            format!("{LEAST}{text}")
        };
        let text = text.replace(&format!("{LEAST}[mysql.tls]\n"), "[mysql]\nurl = 'mysql://a@h/d'\n[mysql.tls]\n");
        assert_eq!(problems(&text), expected, "{text}");
    }
}

#[test]
fn what_is_wrong_with_the_url_is_named_but_it_is_not_shown() {
    let form = "it must look like mysql://USER:PASSWORD@HOST:PORT/DATABASE";
    for (url, expected) in [
        ("", "is not a URL (relative URL without a base)"),
        ("127.0.0.1:3306/opendental", "is not a URL (relative URL without a base)"),
        ("mysql://a:hush@h:99999/d", "is not a URL (invalid port number)"),
        ("postgres://a:hush@h/d", "does not begin with mysql://"),
        ("mysql:a:hush@h/d", "does not begin with mysql://"),
        ("mysql://a:hush@h", "has no database name after the host"),
        ("mysql://a:hush@h/", "has no database name after the host"),
        ("mysql://a:hush@h/d/e", "has more than a database name after the host"),
        ("mysql://h/hush", "has no user name"),
        ("mysql:///hush", "has neither a host nor ?socket=PATH"),
        ("mysql://a:hush@h:0/d", "has the port 0"),
        ("mysql://a:hu#sh@h/d", "has a part behind #; write # as %23"),
        ("mysql://a:%ff@h/d", "has percent-encoded bytes that are not UTF-8"),
        (
            "mysql://a:hush@h/d?ssl-mode=hush",
            "has the unknown parameter ssl-mode; the only one is socket, and encryption is set by mysql.tls",
        ),
    ] {
        let said = problems(&format!("[mysql]\nurl = '{url}'"));
        assert!(!said.contains("hush"), "{url}: {said}");
        // A password with a # in it ends the URL's host: any of the messages will do as long as it is not shown.
        if !url.contains('#') {
            assert_eq!(said, format!("mysql.url = (not shown): {expected}; {form}"), "{url}");
        }
    }
    assert_eq!(problems("[mysql]\nurl = 5"), "mysql.url = (not shown): must be a text in quotes");
}

#[cfg(feature = "mysql-cdc")]
#[test]
fn what_mysql_cdc_cannot_do_is_refused_wherever_it_is_asked_for() {
    let set = |url, tls| format!("[mysql]\nurl = '{url}'\nclient = 'mysql_cdc'\ntls = '{tls}'");
    let url = "mysql://cdc:hush@h/d";
    for tls in ["disabled", "preferred"] {
        let config = Config::from_toml(&set(url, tls)).unwrap();
        assert_eq!(config.mysql.client, BinlogClient::MysqlCdc);
    }
    let said = "mysql.client = \"mysql_cdc\": cannot encrypt; set mysql.tls to \"disabled\" or \"preferred\", or use \
                \"direct\"";
    for tls in ["required", "verify-ca", "verify-identity"] {
        assert_eq!(problems(&set(url, tls)), said);
    }
    assert_eq!(
        problems(&set("mysql://cdc:hush@localhost/d?socket=/s", "preferred")),
        "mysql.client = \"mysql_cdc\": connects by TCP only; take ?socket= out of mysql.url, or use \"direct\""
    );
    assert_eq!(
        environment_problems(&[
            ("OPENDENTAL_CDC_MYSQL__CLIENT", "mysql_cdc"),
            ("OPENDENTAL_CDC_MYSQL__TLS", "required")
        ]),
        format!("{said} (environment variable OPENDENTAL_CDC_MYSQL__CLIENT)")
    );
}

#[test]
fn the_url_is_taken_apart() {
    let address = |url: &str| address::parse(url).unwrap();
    let tcp = |host: &str, port| MysqlEndpoint::Tcp { host: host.to_owned(), port };
    let plain = address("mysql://cdc:p%40ss%2F%3A%25@db.example/open%20dental");
    assert_eq!((plain.user.as_str(), plain.password.expose_secret()), ("cdc", "p@ss/:%"));
    assert_eq!((plain.endpoint, plain.database.as_str()), (tcp("db.example", 3306), "open dental"));
    let plain = address("mysql://cdc@[::1]:3307/d");
    assert_eq!((plain.endpoint, plain.password.expose_secret()), (tcp("::1", 3307), ""));
    for url in ["mysql://u@localhost/d?socket=/run/my%20sql.sock", "mysql://u@localhost/d?socket=%2Frun%2Fmy+sql.sock"]
    {
        assert_eq!(address(url).endpoint, MysqlEndpoint::Socket("/run/my sql.sock".into()), "{url}");
    }
}

#[test]
fn what_is_wrong_in_the_environment_is_named_with_the_variable() {
    for (name, value, expected) in [
        (
            "OPENDENTAL_CDC_DELIVERY__TIMEOUT_SECONDS",
            "0",
            "delivery.timeout_seconds = 0: must be a whole number from 1 to 600".to_owned(),
        ),
        (
            "OPENDENTAL_CDC_DELIVERY__TIMEOUT_SECONDS",
            "1 min",
            "delivery.timeout_seconds = \"1 min\": must be a whole number from 1 to 600".to_owned(),
        ),
        (
            "OPENDENTAL_CDC_OPENDENTAL__SCHEDULE_OPERATORIES",
            "1",
            "opendental.schedule_operatories = \"1\": must be true or false".to_owned(),
        ),
        ("OPENDENTAL_CDC_MYSQL__PASSWORD", "hush", format!("mysql.password: {NEAR} mysql.url")),
        ("OPENDENTAL_CDC_WORKSTATON", "hush", format!("workstaton: {NEAR} workstation")),
        ("OPENDENTAL_CDC_MYSQL_URL", "hush", format!("mysql_url: {NEAR} mysql.url")),
        ("OPENDENTAL_CDC_LOG__LEVEL__X", "hush", format!("log.level__x: {NEAR} log.level")),
        ("OPENDENTAL_CDC_LOG", "hush", "log: is a section: write [log] and its keys below it".to_owned()),
        (
            "OPENDENTAL_CDC_DELIVERY__SECRETS",
            "hush",
            "delivery.secrets = (not shown): entry 1 must be \"whsec_\" and the base64 form of 24 to 64 bytes"
                .to_owned(),
        ),
    ] {
        assert_eq!(environment_problems(&[(name, value)]), format!("{expected} (environment variable {name})"));
    }
}

#[test]
fn all_problems_are_named_at_once_each_with_where_it_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cdc.toml");
    fs::write(&path, "[mysql]\nurl = 'mysql://a:hush@h'\nserver_id = 'x'\n[log]\nlevl = 1\nlevel = 'x'\n").unwrap();
    let set = [("OPENDENTAL_CDC_LOG__LEVEL", "info"), ("OPENDENTAL_CDC_HTTP__LISTEN", "x")];
    let error = Config::load_with(Some(&path), variables(&set)).unwrap_err();
    let file = path.display();
    assert_eq!(
        error.to_string(),
        format!(
            "the configuration is refused\n\
             log.levl: {NEAR} log.level (in {file})\n\
             mysql.url = (not shown): has no database name after the host; it must look like \
             mysql://USER:PASSWORD@HOST:PORT/DATABASE (in {file})\n\
             mysql.server_id = \"x\": must be a whole number from 0 to 4294967295 (in {file})\n\
             http.listen = \"x\": must be an IP address and a port, such as \"127.0.0.1:30224\", or \"\" for off \
             (environment variable OPENDENTAL_CDC_HTTP__LISTEN)\n\
             Every key is explained in config/opendental-cdc.toml."
        )
    );
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_named_without_its_contents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cdc.toml");
    let said = || Config::load_with(Some(&path), []).unwrap_err().to_string();
    assert!(said().starts_with(&format!("the configuration file cannot be read\n{}: ", path.display())), "{}", said());
    fs::write(&path, b"[mysql]\n\xff").unwrap();
    assert!(said().contains("invalid utf-8"), "{}", said());
    for (text, place) in [
        ("[mysql]\nurl = hush\n", "line 2, column 7: "),
        ("[mysql]\nurl = 'a'\nurl = 'hush'\n", "line 3, column 1: "),
        ("[state]\npath = \"C:\\hush\"\n", "line 2, column "),
        ("[mysql\n", "line 1, column 7: "),
    ] {
        fs::write(&path, text).unwrap();
        let said = said();
        assert!(said.contains(&format!("{}, {place}", path.display())), "{text}: {said}");
        assert!(!said.contains("hush"), "{said}");
    }
}

#[test]
fn a_secret_may_stand_in_a_file_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let url = file("url", "\u{feff}mysql://cdc:hush@127.0.0.1/opendental\r\n");
    let (one, two) = (format!("whsec_{}", "A".repeat(32)), format!("whsec_{}", "B".repeat(32)));
    let secrets = file("secrets", &format!("{one}\n{two}\n"));
    let pairs = [("OPENDENTAL_CDC_MYSQL__URL_FILE", &*url), ("opendental_cdc_delivery__secrets_file", &*secrets)];
    let config = Config::load_with(None, variables(&pairs)).unwrap();
    assert_eq!(config.mysql.address().unwrap().password.expose_secret(), "hush");
    let secrets: Vec<_> = config.delivery.secrets.iter().map(|secret| secret.expose_secret().to_owned()).collect();
    assert_eq!(secrets, [one, two]);
}

#[test]
fn d4_a_secrets_file_that_cannot_be_used_is_named_by_its_variable_and_shows_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("bad");
    fs::write(&bad, "mysql://cdc:hush@/opendental").unwrap();
    let bad = bad.to_str().unwrap();
    let url = "OPENDENTAL_CDC_MYSQL__URL_FILE";
    let said = environment_problems(&[(url, bad)]);
    assert!(said.starts_with("mysql.url = (not shown): is not a URL (empty host); "), "{said}");
    assert!(said.ends_with(&format!(" (the file that {url} names)")), "{said}");
    let said = lines(Config::load_with(None, variables(&[(url, "/missing")])).unwrap_err());
    assert_eq!(said.lines().count(), 1, "that it is not set goes without saying: {said}");
    // Somebody took the secret for its file's name.
    let said = environment_problems(&[(url, "mysql://cdc:hush@127.0.0.1/opendental")]);
    assert!(said.starts_with("mysql.url: cannot be read from its file: ") && !said.contains("hush"), "{said}");
    let said = environment_problems(&[(url, bad), ("OPENDENTAL_CDC_MYSQL__URL", "mysql://cdc:hush@h/d")]);
    assert_eq!(
        said,
        format!("mysql.url: is given twice: OPENDENTAL_CDC_MYSQL__URL is set too (environment variable {url})")
    );
    let said = environment_problems(&[("OPENDENTAL_CDC_STATE__PATH_FILE", bad)]);
    assert!(said.contains(NEAR), "only secrets stand in files: {said}");
}

#[test]
fn d4_debug_shows_no_secret() {
    let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let http = "http.admin_token = 'correct-horse-battery'\nhttp.api_keys = ['VzkmZEaUWOjnQX2z']";
    let config = Config::from_toml(&format!("{LEAST}delivery.secrets = ['{secret}']\n{http}")).unwrap();
    let shown = format!("{config:?} {:?}", config.mysql.address());
    assert!(!shown.contains("cdc:secret") && !shown.contains("\"secret\"") && !shown.contains("MfKQ"), "{shown}");
    assert!(!shown.contains("horse") && !shown.contains("Vzkm"), "{shown}");
    assert!(shown.contains("REDACTED"));
}
