//! Puts the layers together and looks at every value.

use std::{env, path::Path, path::PathBuf};

use figment::{Figment, value::Value};

use super::{
    ByteSize, Config, ConfigError, DEFAULT_FILE, Problem, TlsMode,
    keys::{self, KEYS, Key, Kind},
    layers::{self, Layer},
    secret_files,
};

impl Config {
    /// Reads the configuration: the built-in defaults, over them the file at `path` (if any), over it the
    /// environment variables `OPENDENTAL_CDC_<SECTION>__<KEY>`, and for secrets those with `_FILE` behind them.
    ///
    /// # Errors
    /// [`ConfigError`], which names every problem at once, and no secret.
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let variables = env::vars_os()
            .map(|(name, value)| (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned()));
        Self::load_with(path, variables)
    }

    /// Like [`Config::load`], with `variables` (name and value) in the place of the process's environment.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn load_with(
        path: Option<&Path>,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, ConfigError> {
        let file = path.map(layers::file).transpose()?;
        let (mut variables, mut problems) = (variables.into_iter().collect(), Vec::new());
        let secrets = secret_files::take(&mut variables, &mut problems);
        let environment = layers::environment(layers::ENVIRONMENT, variables);
        let secrets = layers::environment(layers::SECRET_FILES, secrets);
        build(file.into_iter().chain([environment, secrets]).collect(), problems)
    }

    /// Reads the configuration from a TOML `text` over the built-in defaults, without file and environment.
    ///
    /// # Errors
    /// As [`Config::load`]; the text is called `text` in messages.
    pub fn from_toml(text: &str) -> Result<Self, ConfigError> {
        build(vec![layers::toml(PathBuf::from("text"), text)?], Vec::new())
    }
}

fn build(layers: Vec<Layer>, mut problems: Vec<Problem>) -> Result<Config, ConfigError> {
    for layer in &layers {
        unknown(layer, &mut problems);
    }
    let defaults = layers::toml(PathBuf::from("config/opendental-cdc.toml"), DEFAULT_FILE)?;
    let figment = layers.into_iter().fold(Figment::from(defaults), Figment::merge);
    for key in KEYS {
        // What its file or its name already keeps from being set is said once.
        let named = problems.iter().any(|problem| problem.key == key.name);
        problems.extend(value_problem(key, &figment).filter(|problem| !(named && problem.value.is_none())));
    }
    if !problems.is_empty() {
        return Err(ConfigError::Refused(problems));
    }
    let mut config: Config = figment.extract().map_err(|error| {
        // Every value was looked at above; whatever figment still says may hold a value and is not passed on.
        let key = error.path.join(".");
        ConfigError::Refused(vec![problem(&key, None, "cannot be used".to_owned(), None)])
    })?;
    finish(&mut config, &figment, hostname::get().ok().and_then(|name| name.into_string().ok()))?;
    Ok(config)
}

/// Fills in the host's name, and looks at what only two keys together can tell.
fn finish(config: &mut Config, figment: &Figment, host: Option<String>) -> Result<(), ConfigError> {
    let mut problems = Vec::new();
    if config.workstation.trim().is_empty() {
        match host.filter(|name| !name.trim().is_empty() && super::check::workstation(name).is_ok()) {
            Some(name) => config.workstation = name,
            None => {
                let rule = "this host's name is blank or not ASCII, so it must be set".to_owned();
                problems.push(problem("workstation", None, rule, None));
            }
        }
    }
    config.workstation = config.workstation.trim().to_owned();
    let verifies = matches!(config.mysql.tls, TlsMode::VerifyCa | TlsMode::VerifyIdentity);
    if !verifies && !config.mysql.tls_ca.as_os_str().is_empty() {
        let value = format!("\"{}\"", config.mysql.tls_ca.display());
        let rule = "has an effect only with mysql.tls = \"verify-ca\" or \"verify-identity\"".to_owned();
        let origin = figment.find_metadata("mysql.tls_ca").map(|found| layers::origin(found, "mysql.tls_ca"));
        problems.push(problem("mysql.tls_ca", Some(value), rule, origin));
    }
    if let Some(refusal) = config.mysql.client_refusal() {
        let value = figment.find_value("mysql.client").ok().map(|value| show(&value));
        let origin = figment.find_metadata("mysql.client").map(|found| layers::origin(found, "mysql.client"));
        problems.push(problem("mysql.client", value, refusal.to_owned(), origin));
    }
    let tables = &config.opendental.tables;
    for (index, table) in tables.iter().enumerate() {
        if tables.iter().take(index).any(|before| before.eq_ignore_ascii_case(table)) {
            let rule = format!("names {table:?} twice");
            let origin =
                figment.find_metadata("opendental.tables").map(|found| layers::origin(found, "opendental.tables"));
            problems.push(problem("opendental.tables", None, rule, origin));
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(ConfigError::Refused(problems)) }
}

fn problem(key: &str, value: Option<String>, rule: String, origin: Option<String>) -> Problem {
    Problem { key: key.to_owned(), value, rule, origin }
}

/// Finds the keys of `layer` that nobody knows. Their values are never shown: they may be a secret under a wrong name.
fn unknown(layer: &Layer, problems: &mut Vec<Problem>) {
    let mut add = |name: &str, rule: String| problems.push(problem(name, None, rule, Some(layer.origin(name))));
    let stranger = |name: &str| format!("is not a known key; the nearest is {}", keys::nearest(name));
    for (name, value) in &layer.values {
        match value {
            _ if keys::find(name).is_some() => {}
            Value::Dict(_, section) if section.is_empty() && !keys::is_section(name) => add(name, stranger(name)),
            Value::Dict(_, section) => {
                for key in section.keys().map(|key| format!("{name}.{key}")) {
                    if keys::find(&key).is_none() {
                        add(&key, stranger(&key));
                    }
                }
            }
            _ if keys::is_section(name) => {
                add(name, format!("is a section: write [{name}] and its keys below it"));
            }
            _ => add(name, stranger(name)),
        }
    }
}

/// What is wrong with the value of `key`, from whichever layer is on top.
fn value_problem(key: &Key, figment: &Figment) -> Option<Problem> {
    let Ok(value) = figment.find_value(key.name) else {
        let section = key.name.split_once('.').map_or(key.name, |(section, _)| section);
        // A section that is something else hides all its keys, and was named already.
        let hidden = figment.find_value(section).is_ok_and(|value| value.as_dict().is_none());
        let rule = format!("is not set; set it in the file or as {}", layers::variable(key.name));
        return (!hidden).then(|| problem(key.name, None, rule, None));
    };
    let rule = refusal(&key.kind, &value)?;
    let shown = if key.secret { "(not shown)".to_owned() } else { show(&value) };
    let origin = figment.get_metadata(value.tag()).map(|metadata| layers::origin(metadata, key.name));
    Some(problem(key.name, Some(shown), rule, origin))
}

/// Why `kind` does not allow `value`.
fn refusal(kind: &Kind, value: &Value) -> Option<String> {
    match (kind, value) {
        (Kind::Text(check), Value::String(_, text)) => check(text).err(),
        (Kind::Integer(low, high), Value::Num(_, number)) => {
            let number = number.to_i128().or_else(|| number.to_u128().and_then(|number| i128::try_from(number).ok()));
            let allowed = number.is_some_and(|number| (i128::from(*low)..=i128::from(*high)).contains(&number));
            (!allowed).then(|| kind.expected())
        }
        (Kind::Size(low, high), Value::Num(_, number)) => {
            let size = number.to_u128().and_then(|number| u64::try_from(number).ok()).map(ByteSize::from_bytes);
            (!size.is_some_and(|size| (*low..=*high).contains(&size))).then(|| kind.expected())
        }
        (Kind::Size(low, high), Value::String(_, text)) => {
            (!ByteSize::parse(text).is_some_and(|size| (*low..=*high).contains(&size))).then(|| kind.expected())
        }
        (Kind::Switch, Value::Bool(..)) => None,
        (Kind::Choice(names), Value::String(_, text)) => (!names.contains(&text.as_str())).then(|| kind.expected()),
        (Kind::List(check), Value::Array(_, items)) => items.iter().enumerate().find_map(|(index, item)| {
            let refused = match item.as_str() {
                Some(text) => check(text).err(),
                None => Some("must be a text in quotes".to_owned()),
            };
            refused.map(|rule| format!("entry {} {rule}", index + 1))
        }),
        _ => Some(kind.expected()),
    }
}

/// A value as its writer wrote it, cut to a line's length.
fn show(value: &Value) -> String {
    match value {
        Value::String(_, text) => {
            let mut shown: String = text.chars().take(80).collect();
            if shown.len() < text.len() {
                shown.push('…');
            }
            format!("{shown:?}")
        }
        Value::Bool(_, on) => on.to_string(),
        Value::Num(_, number) => match (number.to_i128(), number.to_u128(), number.to_f64()) {
            (Some(number), _, _) => number.to_string(),
            (_, Some(number), _) => number.to_string(),
            (_, _, Some(number)) => number.to_string(),
            _ => "a number".to_owned(),
        },
        Value::Array(..) => "a list".to_owned(),
        Value::Dict(_, _) => "a section".to_owned(),
        Value::Char(_, letter) => format!("{letter:?}"),
        Value::Empty(..) => "nothing".to_owned(),
    }
}
