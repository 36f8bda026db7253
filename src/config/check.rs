//! What the texts of the configuration must look like. Each function's error says what is wrong or allowed, and never
//! holds the value: the caller shows it where that is allowed.

use std::net::SocketAddr;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use chrono_tz::{TZ_VARIANTS, Tz};

use super::address;

/// Anything, also nothing.
pub(super) fn any(_: &str) -> Result<(), String> {
    Ok(())
}

/// Goes into an HTTP header, and is compared with a column of 255 characters.
pub(super) fn workstation(text: &str) -> Result<(), String> {
    if text.len() <= 255 && text.chars().all(|letter| matches!(letter, ' '..='~')) {
        return Ok(());
    }
    Err("must be printable ASCII of at most 255 characters".to_owned())
}

pub(super) fn mysql_url(text: &str) -> Result<(), String> {
    match address::parse(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{error}; it must look like mysql://USER:PASSWORD@HOST:PORT/DATABASE")),
    }
}

pub(super) fn time_zone(text: &str) -> Result<(), String> {
    if text == "auto" || text.parse::<Tz>().is_ok() {
        return Ok(());
    }
    let likeness =
        |zone: &Tz| strsim::normalized_damerau_levenshtein(&text.to_lowercase(), &zone.name().to_lowercase());
    let nearest = TZ_VARIANTS.iter().max_by(|left, right| likeness(left).total_cmp(&likeness(right)));
    let nearest = nearest.map_or("UTC", |zone| zone.name());
    Err(format!("must be \"auto\" or an IANA time zone; the nearest is \"{nearest}\""))
}

pub(super) fn client(text: &str) -> Result<(), String> {
    match text {
        "direct" | "mysql_async" => Ok(()),
        "mysql_cdc" if cfg!(feature = "mysql-cdc") => Ok(()),
        "mysql_cdc" => {
            Err("is not in this build, which was made without the cargo feature mysql-cdc; use \"direct\"".to_owned())
        }
        _ => Err("must be one of \"direct\", \"mysql_async\", \"mysql_cdc\"".to_owned()),
    }
}

pub(super) fn state_path(text: &str) -> Result<(), String> {
    if text.trim().is_empty() { Err("must be the path of a file".to_owned()) } else { Ok(()) }
}

/// Goes into an HTTP header, and is compared with `apisubscription.WatchTable`. Open Dental's tables are called so; a
/// server allows names of at most 64 characters.
pub(super) fn table(text: &str) -> Result<(), String> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '$' | '-');
    if (1..=64).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    Err("must be a table's name without its database, of at most 64 letters, digits, _, $ and -".to_owned())
}

/// The form of Standard Webhooks, specification, section "Symmetric signatures": 24 to 64 random bytes in base64.
pub(super) fn webhook_secret(text: &str) -> Result<(), String> {
    let key = text.strip_prefix("whsec_").and_then(|encoded| STANDARD.decode(encoded).ok());
    match key {
        Some(key) if (24..=64).contains(&key.len()) => Ok(()),
        _ => Err("must be \"whsec_\" and the base64 form of 24 to 64 bytes".to_owned()),
    }
}

pub(super) fn listen(text: &str) -> Result<(), String> {
    if text.is_empty() || text.parse::<SocketAddr>().is_ok() {
        return Ok(());
    }
    Err("must be an IP address and a port, such as \"127.0.0.1:30224\", or \"\" for off".to_owned())
}

/// Compared with the `Host` header.
pub(super) fn host(text: &str) -> Result<(), String> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    if (1..=253).contains(&text.len()) && text.chars().all(allowed) {
        return Ok(());
    }
    Err("must be a host's name without scheme and port, such as \"server.practice.example\"".to_owned())
}

/// Typed by people, and sent in a header by tools.
pub(super) fn admin_token(text: &str) -> Result<(), String> {
    if text.is_empty() || ((20..=256).contains(&text.len()) && text.chars().all(|letter| letter.is_ascii_graphic())) {
        return Ok(());
    }
    Err("must be 20 to 256 printable ASCII characters without spaces, or \"\" for none".to_owned())
}

/// As a caller sends it behind `ODFHIR`; Open Dental's own keys are 16 letters and digits.
pub(super) fn api_key(text: &str) -> Result<(), String> {
    let is_key = |key: &str| (8..=255).contains(&key.len()) && key.chars().all(|letter| letter.is_ascii_graphic());
    let keys: Vec<&str> = text.split('/').collect();
    if keys.len() <= 2 && keys.into_iter().all(is_key) {
        return Ok(());
    }
    Err("must be \"DeveloperKey/CustomerKey\" or a customer key alone, each of 8 to 255 printable ASCII characters \
         without spaces"
        .to_owned())
}
