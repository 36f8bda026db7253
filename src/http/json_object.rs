//! The body of a request: one JSON object.

use axum::http::{HeaderMap, header::CONTENT_TYPE};
use serde::{
    Deserialize, Deserializer,
    de::{self, MapAccess, Visitor},
};
use serde_json::Value;

use super::refusal::Refusal;

/// The fields of a body as they stand in it, none twice.
pub(super) fn read(headers: &HeaderMap, body: &[u8]) -> Result<Vec<(String, Value)>, Refusal> {
    if !says_json(headers) {
        return Err(Refusal::Invalid("Content-Type must be application/json, in UTF-8.".to_owned()));
    }
    // Some .NET clients begin a text with a byte order mark.
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    match serde_json::from_slice(body) {
        Ok(Object(fields)) => Ok(fields),
        Err(error) => Err(unreadable(&error)),
    }
}

/// Whether the body is said to be JSON in UTF-8.
pub(super) fn says_json(headers: &HeaderMap) -> bool {
    let Some(said) = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let mut parts = said.split(';').map(str::trim);
    let is_json = parts.next().is_some_and(|kind| kind.eq_ignore_ascii_case("application/json"));
    let mut parameters = parts.filter_map(|part| part.split_once('='));
    is_json
        && parameters.all(|(name, value)| {
            !name.trim().eq_ignore_ascii_case("charset") || value.trim().trim_matches('"').eq_ignore_ascii_case("utf-8")
        })
}

/// Where a body is no JSON object; of what stands there nothing is said, since the parser would quote it.
fn unreadable(error: &serde_json::Error) -> Refusal {
    let place = format!("line {}, column {}", error.line(), error.column());
    Refusal::Invalid(match error.classify() {
        serde_json::error::Category::Data => {
            format!("The body must be one JSON object in which no field stands twice ({place}).")
        }
        _ => format!("The body is not JSON in UTF-8 ({place})."),
    })
}

/// A JSON object with its fields as they stand in it.
struct Object(Vec<(String, Value)>);

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object;

    fn expecting(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object, A::Error> {
        let mut fields: Vec<(String, Value)> = Vec::new();
        while let Some((name, value)) = map.next_entry::<String, Value>()? {
            if fields.iter().any(|(known, _)| *known == name) {
                return Err(de::Error::custom("a field stands twice"));
            }
            fields.push((name, value));
        }
        Ok(Object(fields))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(kind: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_TYPE, kind.parse().unwrap())])
    }

    fn refused(kind: &str, body: &[u8]) -> String {
        match read(&headers(kind), body) {
            Err(Refusal::Invalid(words)) => words,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn only_json_in_utf_8_is_taken() {
        for good in [
            "application/json",
            "Application/JSON",
            "application/json; charset=utf-8",
            "application/json;charset=\"UTF-8\"; profile=x",
        ] {
            assert_eq!(read(&headers(good), b"{}").unwrap(), [], "{good}");
        }
        for other in
            ["text/json", "application/jsonx", "application/json; charset=latin1", "application/json-patch+json"]
        {
            assert!(refused(other, b"{}").starts_with("Content-Type must be"), "{other}");
        }
        assert!(read(&HeaderMap::new(), b"{}").is_err());
    }

    #[test]
    fn a_field_that_stands_twice_is_refused_even_if_it_says_the_same() {
        let words = refused("application/json", b"{\"a\":1,\n\"\\u0061\":1}");
        assert!(words.contains("stands twice") && words.contains("line 2"), "{words}");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_taken_or_refused_and_never_quoted(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&headers("application/json"), &body);
            let quoted = [b"{\"Note\":\"secret\"", body.as_slice()].concat();
            if let Err(Refusal::Invalid(words)) = read(&headers("application/json"), &quoted) {
                prop_assert!(!words.contains("secret"), "{}", words);
            }
        }
    }
}
