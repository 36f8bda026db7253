//! Secrets in files of their own: `OPENDENTAL_CDC_<SECTION>__<KEY>_FILE` names the file of a secret key's value, as
//! Docker's and systemd's secrets are handed over.

use std::fs;

use super::{
    Problem,
    keys::{self, Key, Kind},
    layers,
};

/// What a variable that names a secret's file ends with.
const SUFFIX: &str = "_FILE";

/// The values of secrets in files, each under the variable that it could stand in itself; the variables that name the
/// files are taken out of `variables`.
pub(super) fn take(variables: &mut Vec<(String, String)>, problems: &mut Vec<Problem>) -> Vec<(String, String)> {
    let (files, others) = variables.drain(..).partition::<Vec<_>, _>(|(name, _)| secret(name).is_some());
    *variables = others;
    let mut values = Vec::new();
    for (name, path) in files {
        let Some((variable, key)) = secret(&name) else { continue };
        // The path is not shown: somebody may have taken the secret itself for it.
        let mut add = |rule: String| {
            let origin = Some(format!("environment variable {name}"));
            problems.push(Problem { key: key.name.to_owned(), value: None, rule, origin });
        };
        if variables.iter().any(|(other, _)| other.eq_ignore_ascii_case(&variable)) {
            add(format!("is given twice: {variable} is set too"));
            continue;
        }
        match fs::read_to_string(path) {
            Ok(text) => values.push((variable, one_line(&text, &key.kind))),
            Err(error) => add(format!("cannot be read from its file: {error}")),
        }
    }
    values
}

/// The secret whose file the variable `name` names, and the variable that it could stand in itself.
fn secret(name: &str) -> Option<(String, &'static Key)> {
    let name = name.to_uppercase();
    let variable = name.strip_suffix(SUFFIX)?;
    let key = keys::find(&layers::key_of(variable)?).filter(|key| key.secret)?;
    Some((variable.to_owned(), key))
}

/// Editors end a file with a line break. In a list each line may be an entry.
fn one_line(text: &str, kind: &Kind) -> String {
    let text = text.trim_start_matches('\u{feff}').trim();
    match kind {
        Kind::List(_) => text.lines().collect::<Vec<_>>().join(","),
        _ => text.to_owned(),
    }
}
