//! The layers of the configuration that are not built in: the file and the environment.

use std::{fs, io, path::Path, path::PathBuf};

use figment::{
    Metadata, Profile, Provider, Source,
    providers::{Format, Toml},
    value::{Dict, Map, Value},
};

use super::{
    ConfigError,
    keys::{self, Kind},
};

/// What every environment variable of ours begins with.
pub(super) const PREFIX: &str = "OPENDENTAL_CDC_";

/// The name of a layer made of environment variables in figment's metadata.
pub(super) const ENVIRONMENT: &str = "environment";

/// The same of the files that environment variables name.
pub(super) const SECRET_FILES: &str = "secret files";

/// One layer: a tree of values that remembers where it came from.
pub(super) struct Layer {
    metadata: Metadata,
    pub(super) values: Dict,
}

impl Provider for Layer {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> figment::error::Result<Map<Profile, Dict>> {
        Ok(Map::from([(Profile::Default, self.values.clone())]))
    }
}

impl Layer {
    /// Where the value of `key` in this layer came from.
    pub(super) fn origin(&self, key: &str) -> String {
        origin(&self.metadata, key)
    }
}

/// Where the value of `key` in the layer with this metadata came from.
pub(super) fn origin(metadata: &Metadata, key: &str) -> String {
    match &metadata.source {
        Some(Source::File(path)) => format!("in {}", path.display()),
        _ if metadata.name == ENVIRONMENT => format!("environment variable {}", variable(key)),
        _ if metadata.name == SECRET_FILES => format!("the file that {}_FILE names", variable(key)),
        _ => metadata.name.to_string(),
    }
}

/// The environment variable for `key`.
pub(super) fn variable(key: &str) -> String {
    format!("{PREFIX}{}", key.replace('.', "__").to_uppercase())
}

/// The key that the environment variable `name` is for; `None` if it is none of ours.
pub(super) fn key_of(name: &str) -> Option<String> {
    // The names of environment variables do not depend on case on Windows.
    Some(name.to_uppercase().strip_prefix(PREFIX)?.to_lowercase().replacen("__", ".", 1))
}

/// The layer of the file at `path`.
pub(super) fn file(path: &Path) -> Result<Layer, ConfigError> {
    let text = fs::read(path)
        .and_then(|bytes| String::from_utf8(bytes).map_err(|error| io::Error::other(error.utf8_error())))
        .map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    toml(path.to_owned(), &text)
}

/// The layer of a TOML text that is said to be the file at `path`.
pub(super) fn toml(path: PathBuf, text: &str) -> Result<Layer, ConfigError> {
    // Windows' editor may begin a file with a byte order mark.
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    match Toml::from_str::<Dict>(text) {
        Ok(values) => {
            let metadata = Metadata::from("configuration file", Source::File(path));
            Ok(Layer { metadata, values })
        }
        Err(error) => {
            // Only the parser's message is shown, not its excerpt of the file, which may hold a secret.
            let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            let message = error.message().replace('\n', ", ");
            Err(ConfigError::Syntax { path, line, column, message })
        }
    }
}

/// The layer, of this name, of those of `variables` (name and value) that are ours.
///
/// Their values have no type of their own, so each becomes what its key wants, or stays a text.
pub(super) fn environment(layer: &'static str, variables: impl IntoIterator<Item = (String, String)>) -> Layer {
    let mut values = Dict::new();
    for (name, text) in variables {
        let Some(key) = key_of(&name) else { continue };
        let value = match keys::find(&key).map(|key| &key.kind) {
            Some(Kind::Integer(..)) => text.trim().parse::<u64>().map_or_else(|_| Value::from(text), Value::from),
            Some(Kind::Switch) => text.trim().parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
            Some(Kind::List(_)) => {
                Value::from(text.split(',').map(str::trim).filter(|part| !part.is_empty()).collect::<Vec<_>>())
            }
            _ => Value::from(text),
        };
        match key.split_once('.') {
            Some((section, key)) => {
                let section = values.entry(section.to_owned()).or_insert_with(|| Value::from(Dict::new()));
                if let Value::Dict(_, section) = section {
                    section.insert(key.to_owned(), value);
                }
            }
            None => {
                values.insert(key, value);
            }
        }
    }
    Layer { metadata: Metadata::named(layer), values }
}
