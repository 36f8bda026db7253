//! What a request may cost.

use std::time::Duration;

use axum::{
    body::{Body, to_bytes},
    extract::Request,
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use hyper::body::{Body as _, Bytes};
use tokio::time::timeout;

use super::serve::ServeLimits;

/// For clients that mean no good.
pub(super) const CONNECTIONS: ServeLimits = ServeLimits {
    connections: 256,
    head: Duration::from_secs(10),
    head_bytes: 16 * 1024,
    stop: Duration::from_secs(5),
};

/// Bytes of a request's body, beyond which it is refused.
const BODY_BYTES: usize = 64 * 1024;

/// Until a request's body is there.
const BODY_TIME: Duration = Duration::from_secs(10);

/// Until an answer begins. The database may be waited for; answers that go on for ever begin at once.
const ANSWER_TIME: Duration = Duration::from_secs(60);

/// Takes in a request's whole body before anything is done with it.
pub(super) async fn bounded(request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let body = match whole(body, BODY_TIME).await {
        Ok(body) => body,
        Err(refusal) => return refusal,
    };
    match timeout(ANSWER_TIME, next.run(Request::from_parts(parts, Body::from(body)))).await {
        Ok(answer) => answer,
        Err(_) => {
            refusal(StatusCode::SERVICE_UNAVAILABLE, "this takes too long; look whether it was done\n".to_owned())
        }
    }
}

/// All of a body, if it has come within this time.
async fn whole(body: Body, time: Duration) -> Result<Bytes, Response> {
    // What is declared need not be waited for.
    if body.size_hint().lower() > BODY_BYTES as u64 {
        return Err(too_large());
    }
    match timeout(time, to_bytes(body, BODY_BYTES)).await {
        Ok(Ok(body)) => Ok(body),
        // The client went away, or sent more; the first will not read it.
        Ok(Err(_)) => Err(too_large()),
        Err(_) => Err(refusal(StatusCode::REQUEST_TIMEOUT, "the request did not come to its end\n".to_owned())),
    }
}

fn too_large() -> Response {
    refusal(StatusCode::PAYLOAD_TOO_LARGE, format!("a request may have {BODY_BYTES} bytes at most\n"))
}

/// An answer after which the connection is of no use.
fn refusal(status: StatusCode, words: String) -> Response {
    let mut answer = (status, words).into_response();
    answer.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    answer
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::io;

    use futures_util::{StreamExt, stream};

    use super::*;

    #[tokio::test]
    async fn a_body_that_never_ends_is_given_up() {
        let begun = stream::iter([io::Result::Ok(Bytes::from_static(b"{"))]).chain(stream::pending());
        let refusal = whole(Body::from_stream(begun), Duration::from_millis(1)).await.unwrap_err();
        assert_eq!(refusal.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(refusal.headers()[header::CONNECTION], "close");
    }

    #[tokio::test]
    async fn a_body_of_unknown_length_is_read_up_to_the_limit() {
        let pieces = |count: usize| {
            let pieces = (0..count).map(|_| io::Result::Ok(Bytes::from_static(&[b' '; 1024])));
            Body::from_stream(stream::iter(pieces))
        };
        assert_eq!(whole(pieces(64), BODY_TIME).await.unwrap().len(), BODY_BYTES);
        assert_eq!(whole(pieces(65), BODY_TIME).await.unwrap_err().status(), StatusCode::PAYLOAD_TOO_LARGE);
    }
}
