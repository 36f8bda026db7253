//! The accept loop of our HTTP servers.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::{Body, Incoming};
use hyper::server::conn::http1;
use hyper::service::{Service, service_fn};
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::caller::Peer;

/// The pause after a failed accept: out of file descriptors, mostly, which takes others to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(200);

/// What one server allows its clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServeLimits {
    /// Connections at once; further ones wait in the operating system's queue.
    pub(crate) connections: usize,
    /// Until a request's head is complete; also how long an idle connection is kept.
    pub(crate) head: Duration,
    /// Bytes of a request's head.
    pub(crate) head_bytes: usize,
    /// For the requests under way when the server is stopped; what is not done then is cut off.
    pub(crate) stop: Duration,
}

/// Serves HTTP/1.1 on `listener` until `cancel`; then no new connections, and the requests under way are finished.
pub(crate) async fn serve<S, B>(listener: TcpListener, service: S, limits: ServeLimits, cancel: CancellationToken)
where
    S: Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
    S::Future: Future + Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    B: Body + Send + 'static,
    B::Data: Send,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            () = cancel.cancelled() => break,
            Some(_) = connections.join_next() => continue,
            accepted = accept(&listener, &slots) => accepted,
        };
        let Some((stream, peer, slot)) = accepted else { continue };
        let service = service.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(Peer(peer));
            service.call(request)
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(limits.head)
            .max_buf_size(limits.head_bytes)
            .serve_connection(TokioIo::new(stream), service);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            // A client that goes away or speaks no HTTP is its own business.
            let _ = connection.await;
            drop(slot);
        });
    }
    drop(listener);
    // The connections are futures of their own; dropping the set cuts off those that are not done in time.
    let _ = timeout(limits.stop, graceful.shutdown()).await;
}

/// The next connection with its other end and its slot; `None` after a failed accept.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> Option<(TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit)> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, peer)) => Some((stream, peer, slot)),
        Err(error) => {
            tracing::warn!("cannot accept a connection: {error}");
            sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}
