//! What only the running bridge can do: it is asked over HTTP, at `http.listen`.

use std::{net::SocketAddr, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::{
    Request, StatusCode,
    client::conn::http1,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue},
};
use hyper_util::rt::TokioIo;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use crate::{config::Config, http::reachable, source::Database};

/// Longer than the bridge itself waits for its server.
const PATIENCE: Duration = Duration::from_secs(30);

/// Bytes of an answer.
const ANSWER_BYTES: usize = 64 * 1024;

/// What the bridge skipped.
pub(super) struct Skipped {
    /// Changed rows that waited to be sent; `None`: it cannot tell.
    pub(super) changes: Option<u64>,
    /// Where DateTimeStart stands now.
    pub(super) date_time_start: String,
}

/// Why the bridge did not do it.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum RunningError {
    /// It does not speak as it should.
    #[error("what listens at {0} (http.listen) gives no answer that a bridge would give: {1}")]
    Strange(SocketAddr, String),
    /// It refused.
    #[error("the bridge at {0} (http.listen) does not do it: {1}")]
    Refused(SocketAddr, String),
}

/// Has the running bridge skip; `None`: none runs that can be reached.
pub(super) async fn skip(
    config: &Config,
    database: &Database,
    num: i64,
    to: Option<i64>,
) -> Result<Option<Skipped>, RunningError> {
    let Ok(listening) = config.http.listen.parse::<SocketAddr>() else { return Ok(None) };
    let address = SocketAddr::new(reachable(listening.ip()), listening.port());
    let Ok(Ok(stream)) = timeout(PATIENCE, TcpStream::connect(address)).await else { return Ok(None) };
    // Another practice's bridge may listen there by mistake.
    let order = json!({ "Server": database.server(), "Database": database.name(), "SubscriptionNum": num, "To": to });
    let asked = timeout(PATIENCE, post(stream, address, config, &order)).await;
    let strange = |reason: String| RunningError::Strange(address, reason);
    let (status, answer) = asked.map_err(|_| strange("it takes too long".to_owned()))?.map_err(strange)?;
    if status != StatusCode::OK {
        let words = answer.as_str().map_or_else(|| status.to_string(), str::to_owned);
        return Err(RunningError::Refused(address, words));
    }
    let date_time_start = answer.get("DateTimeStart").and_then(Value::as_str).map(str::to_owned);
    let date_time_start = date_time_start.ok_or_else(|| strange("DateTimeStart is missing".to_owned()))?;
    Ok(Some(Skipped { changes: answer.get("Changes").and_then(Value::as_u64), date_time_start }))
}

async fn post(
    stream: TcpStream,
    address: SocketAddr,
    config: &Config,
    order: &Value,
) -> Result<(StatusCode, Value), String> {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(|error: hyper::Error| error.to_string())?;
    let mut request = Request::post("/admin/skip")
        .header(HOST, address.to_string())
        .header(CONTENT_TYPE, "application/json")
        .body(Full::new(Bytes::from(order.to_string())))
        .map_err(|error| error.to_string())?;
    let token = config.http.admin_token.expose_secret();
    if !token.is_empty() {
        let mut value = HeaderValue::try_from(format!("Bearer {token}")).map_err(|error| error.to_string())?;
        value.set_sensitive(true);
        request.headers_mut().insert(AUTHORIZATION, value);
    }
    let exchange = async {
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let status = answer.status();
        let body = Limited::new(answer.into_body(), ANSWER_BYTES).collect().await.map_err(|error| error.to_string())?;
        Ok((status, serde_json::from_slice(&body.to_bytes()).unwrap_or_default()))
    };
    tokio::pin!(connection);
    tokio::select! {
        answer = exchange => answer,
        ended = &mut connection => match ended {
            Err(error) => Err(error.to_string()),
            Ok(()) => Err("the connection ended".to_owned()),
        },
    }
}
