//! Whether a request comes from a page of ours. Another site's page may send forms to any address that its reader can
//! reach, also to this one.

use axum::http::{HeaderMap, header};

/// Why a form is not taken.
pub(super) const CROSS_SITE: &str = "This was not sent from a page of this bridge, so nothing was done. If a proxy is \
                                     in between, it must pass on the Host header as the browser sent it.";

/// Whether the form was sent from this site, as far as the browser tells. Where it tells nothing, only the form's
/// token does.
pub(super) fn is_same_origin(headers: &HeaderMap) -> bool {
    // The browser's own judgement: a page cannot set this header.
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = headers.get(header::ORIGIN) else { return true };
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
    let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
    matches!((origin, host), (Some((_, origin)), Some(host)) if origin.eq_ignore_ascii_case(host))
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value));
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn forms_of_other_sites_are_told_by_what_the_browser_says() {
        let host = ("host", "bridge:30224");
        for (same, told) in [
            (true, &[host, ("sec-fetch-site", "same-origin")][..]),
            (false, &[host, ("sec-fetch-site", "cross-site")]),
            (false, &[host, ("sec-fetch-site", "same-site")]),
            (false, &[host, ("sec-fetch-site", "none"), ("origin", "http://bridge:30224")]),
            (true, &[host, ("origin", "http://bridge:30224")]),
            (true, &[host, ("origin", "https://Bridge:30224")]),
            (false, &[host, ("origin", "http://bridge:30225")]),
            (false, &[host, ("origin", "http://evil.example")]),
            (false, &[host, ("origin", "null")]),
            (false, &[("origin", "http://bridge:30224")]),
            (true, &[host]),
        ] {
            assert_eq!(is_same_origin(&headers(told)), same, "{told:?}");
        }
    }
}
