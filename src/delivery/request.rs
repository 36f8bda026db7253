//! From an [`Event`] to an HTTP request.

use chrono::{DateTime, Utc};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Request};
use url::Url;

use super::event::Event;
use super::signature::{Secret, sign};

const WORKSTATION: HeaderName = HeaderName::from_static("workstation");
const EVENT_TYPE: HeaderName = HeaderName::from_static("event-type");
const WEBHOOK_ID: HeaderName = HeaderName::from_static("webhook-id");
const WEBHOOK_TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const WEBHOOK_SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Why an event cannot be sent as it stands; holds neither URL nor key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum RequestError {
    #[error("EndPointUrl is not a URL ({0}); it must look like https://host/path")]
    Url(url::ParseError),
    #[error("EndPointUrl is neither http:// nor https://")]
    Scheme,
    #[error("CustomerKey has a character that an HTTP header cannot carry (a line break or another control character)")]
    CustomerKey,
    #[error("the workstation's name has a character that an HTTP header cannot carry")]
    Workstation,
    #[error("the event's type has a character that an HTTP header cannot carry")]
    EventType,
    #[error("the event's id has a character that an HTTP header cannot carry")]
    Id,
}

/// Where an event goes.
pub(super) struct Target {
    pub(super) url: Url,
    /// Name and port: what the limit per host counts by.
    pub(super) host: String,
}

/// The event's endpoint. User-info is left out: it would become a second `Authorization` header.
pub(super) fn target(endpoint: &str) -> Result<Target, RequestError> {
    let mut url = Url::parse(endpoint).map_err(RequestError::Url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(RequestError::Scheme);
    }
    // Fails only for URLs without a host, which http and https URLs have.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let host = format!("{}:{}", url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
    Ok(Target { url, host })
}

/// The name of our workstation as a header's value.
pub(super) fn workstation_value(name: &str) -> Option<HeaderValue> {
    HeaderValue::from_bytes(name.as_bytes()).ok()
}

/// The POST of `event` (rules D1, D3), signed as of `now` if there are `secrets`.
///
/// Text goes into headers as UTF-8, which HTTP allows as opaque bytes; only control characters cannot be sent.
pub(super) fn request(
    event: &Event,
    url: Url,
    workstation: &HeaderValue,
    secrets: &[Secret],
    now: DateTime<Utc>,
) -> Result<Request, RequestError> {
    let value = |text: &str| HeaderValue::from_bytes(text.as_bytes());
    let mut key = value(&event.customer_key).map_err(|_| RequestError::CustomerKey)?;
    key.set_sensitive(true);
    let mut request = Request::new(Method::POST, url);
    let headers: &mut HeaderMap = request.headers_mut();
    headers.insert(AUTHORIZATION, key);
    let workstation = match &event.workstation {
        Some(name) => workstation_value(name).ok_or(RequestError::Workstation)?,
        None => workstation.clone(),
    };
    headers.insert(WORKSTATION, workstation);
    headers.insert(EVENT_TYPE, value(&event.event_type).map_err(|_| RequestError::EventType)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(WEBHOOK_ID, value(&event.id).map_err(|_| RequestError::Id)?);
    if !secrets.is_empty() {
        let timestamp = now.timestamp();
        headers.insert(WEBHOOK_TIMESTAMP, HeaderValue::from(timestamp));
        let signatures = sign(secrets, &event.id, timestamp, &event.body);
        headers.insert(WEBHOOK_SIGNATURE, value(&signatures).map_err(|_| RequestError::Id)?);
    }
    *request.body_mut() = Some(event.body.clone().into());
    Ok(request)
}
