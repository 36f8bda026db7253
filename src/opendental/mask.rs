//! Keys and URLs in a form that may stand in logs and errors (rule D4).

use url::Url;

/// A customer key as it may be shown: its first two characters, if it is long enough for them to tell little.
pub fn mask_key(key: &str) -> String {
    match key.char_indices().nth(2) {
        Some((end, _)) if key.chars().count() >= 8 => format!("{}***", key.get(..end).unwrap_or_default()),
        _ => "***".to_owned(),
    }
}

/// A URL as it may be shown: scheme, host, port and path, without user-info, query and fragment.
///
/// Of a text that is no URL with a host nothing is shown, since nobody can tell which part of it is the secret.
pub fn mask_url(url: &str) -> String {
    const UNREADABLE: &str = "(unreadable URL)";
    let Ok(mut url) = Url::parse(url) else { return UNREADABLE.to_owned() };
    if !url.has_host() || url.set_username("").is_err() || url.set_password(None).is_err() {
        return UNREADABLE.to_owned();
    }
    url.set_query(None);
    url.set_fragment(None);
    url.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn d4_keys_show_two_characters() {
        assert_eq!(mask_key("VzkmZEaUWOjnQX2z"), "Vz***");
        assert_eq!(mask_key("éüöäéüöä"), "éü***");
        for short in ["", "a", "ab", "abc", "abcdefg"] {
            assert_eq!(mask_key(short), "***");
        }
    }

    #[test]
    fn d4_urls_show_neither_user_nor_query() {
        for (url, shown) in [
            ("https://myserver/apievents/", "https://myserver/apievents/"),
            ("https://user:secret@myserver:8443/a?token=secret#secret", "https://myserver:8443/a"),
            ("http://secret@localhost:2097", "http://localhost:2097/"),
            ("HTTP://MyServer/?secret", "http://myserver/"),
        ] {
            assert_eq!(mask_url(url), shown);
        }
        for url in ["", "secret", "myserver/secret", "user:secret@myserver/", "http://", "mailto:secret@myserver"] {
            assert_eq!(mask_url(url), "(unreadable URL)");
        }
    }
}
