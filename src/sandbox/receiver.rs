//! A webhook receiver that misbehaves when told to: for `receive`, the demo and tests.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use tokio::net::{TcpListener, ToSocketAddrs};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::http::{ServeLimits, serve};

/// Events that wait to be taken with [`Receiver::next`]; a further one is not answered until there is room.
const WAITING_EVENTS: usize = 4096;

/// Bytes of an event's body, beyond which it is answered with 413.
const BODY_BYTES: usize = 64 * 1024 * 1024;

/// Senders keep their connections for minutes.
const LIMITS: ServeLimits = ServeLimits {
    connections: 4096,
    head: Duration::from_secs(300),
    head_bytes: 64 * 1024,
    stop: Duration::from_secs(5),
};

/// A request, as it arrived.
#[derive(Clone)]
pub struct ReceivedEvent {
    /// `POST`, from a sender that keeps to the rules.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// All headers, names in lower case.
    pub headers: HeaderMap,
    /// The whole body. Patients' data.
    pub body: Bytes,
    /// When the body was complete.
    pub at: DateTime<Utc>,
}

impl ReceivedEvent {
    /// The header's value; empty if it is missing or not text.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl fmt::Debug for ReceivedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReceivedEvent")
            .field("id", &self.header("webhook-id"))
            .field("event_type", &self.header("event-type"))
            .field("body_bytes", &self.body.len())
            .field("at", &self.at)
            .finish_non_exhaustive()
    }
}

/// What a receiver does with an event, after it has read all of it.
#[derive(Clone, Debug)]
pub enum Behavior {
    /// Answers.
    Answer {
        /// The status; one that is none is sent as 500.
        status: u16,
        /// Further headers, such as `Retry-After`; those that cannot be sent are left out.
        headers: Vec<(String, String)>,
        /// How long it takes.
        delay: Duration,
    },
    /// Never answers, until the sender gives up.
    Hang,
    /// Closes the connection without an answer.
    Disconnect,
}

impl Behavior {
    /// Answers `status` at once.
    pub fn status(status: u16) -> Self {
        Self::Answer { status, headers: Vec::new(), delay: Duration::ZERO }
    }
}

type Decide = Arc<dyn Fn(&ReceivedEvent) -> Behavior + Send + Sync>;

/// Listens, hands out what arrives in the order of arrival, and answers 200 unless told otherwise. Dropping it stops it.
pub struct Receiver {
    address: SocketAddr,
    events: mpsc::Receiver<ReceivedEvent>,
    shared: Arc<Shared>,
    cancel: CancellationToken,
    server: JoinHandle<()>,
}

struct Shared {
    decide: RwLock<Decide>,
    under_way: watch::Sender<usize>,
    most_under_way: AtomicUsize,
    events: mpsc::Sender<ReceivedEvent>,
    cancel: CancellationToken,
}

impl Receiver {
    /// Listens on `address` (port 0: any free one).
    ///
    /// # Errors
    /// What the operating system says, if the port is taken for instance.
    pub async fn bind(address: impl ToSocketAddrs) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let cancel = CancellationToken::new();
        let (sender, events) = mpsc::channel(WAITING_EVENTS);
        let shared = Arc::new(Shared {
            decide: RwLock::new(Arc::new(|_| Behavior::status(200))),
            under_way: watch::Sender::new(0),
            most_under_way: AtomicUsize::new(0),
            events: sender,
            cancel: cancel.clone(),
        });
        let service = service_fn({
            let shared = Arc::clone(&shared);
            move |request| handle(Arc::clone(&shared), request)
        });
        let server = tokio::spawn(serve(listener, service, LIMITS, cancel.clone()));
        Ok(Self { address, events, shared, cancel, server })
    }

    /// The address listened on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// `http://address` and `path`, which starts with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// From now on does this with every event.
    pub fn behave(&self, behavior: Behavior) {
        self.behave_by(move |_| behavior.clone());
    }

    /// From now on does with every event what `decide` says.
    pub fn behave_by(&self, decide: impl Fn(&ReceivedEvent) -> Behavior + Send + Sync + 'static) {
        *self.shared.decide.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(decide);
    }

    /// The next event; cancel-safe. It may not have been answered yet.
    pub async fn next(&mut self) -> Option<ReceivedEvent> {
        self.events.recv().await
    }

    /// An event that has arrived already.
    pub fn try_next(&mut self) -> Option<ReceivedEvent> {
        self.events.try_recv().ok()
    }

    /// How many requests are being read or answered; for waiting until it is so and so many.
    pub fn under_way(&self) -> watch::Receiver<usize> {
        self.shared.under_way.subscribe()
    }

    /// The most requests that were under way at once so far.
    pub fn most_under_way(&self) -> usize {
        self.shared.most_under_way.load(Ordering::SeqCst)
    }

    /// Stops: answers that are delayed or never come are broken off, others finished.
    pub async fn stop(mut self) {
        self.cancel.cancel();
        // The server ends by itself now; that it panicked is all that could go wrong.
        let _ = (&mut self.server).await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.cancel.cancel();
        self.server.abort();
    }
}

/// Closes the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("connection closed without an answer, as told")]
struct Closed;

async fn handle(shared: Arc<Shared>, request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Closed> {
    let _under_way = UnderWay::enter(&shared);
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, BODY_BYTES).collect().await else {
        return Ok(answer(413, &[]));
    };
    let event = ReceivedEvent {
        method: head.method,
        path: head.uri.path_and_query().map(ToString::to_string).unwrap_or_default(),
        headers: head.headers,
        body: body.to_bytes(),
        at: Utc::now(),
    };
    let decide = Arc::clone(&shared.decide.read().unwrap_or_else(PoisonError::into_inner));
    let behavior = decide(&event);
    // Fails only once nobody listens any more.
    shared.events.send(event).await.map_err(|_| Closed)?;
    match behavior {
        Behavior::Answer { status, headers, delay } => {
            tokio::select! {
                () = sleep(delay) => Ok(answer(status, &headers)),
                () = shared.cancel.cancelled() => Err(Closed),
            }
        }
        Behavior::Hang => {
            shared.cancel.cancelled().await;
            Err(Closed)
        }
        Behavior::Disconnect => Err(Closed),
    }
}

fn answer(status: u16, headers: &[(String, String)]) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::new()));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (name.parse::<HeaderName>(), HeaderValue::from_str(value)) {
            response.headers_mut().append(name, value);
        }
    }
    response
}

/// Counts a request until it is answered or the sender is gone.
struct UnderWay(Arc<Shared>);

impl UnderWay {
    fn enter(shared: &Arc<Shared>) -> Self {
        shared.under_way.send_modify(|count| {
            *count += 1;
            shared.most_under_way.fetch_max(*count, Ordering::SeqCst);
        });
        Self(Arc::clone(shared))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.under_way.send_modify(|count| *count -= 1);
    }
}
