//! A peer that reads requests and writes whatever bytes it was given, right or wrong.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What is done after the first bytes of an answer.
#[derive(Clone)]
pub(super) enum Then {
    /// The next request.
    KeepOn,
    /// FIN, once the next request is there: as of a receiver that closes idle connections, at the wrong moment.
    CloseAtNext,
    /// FIN.
    Close,
    /// RST.
    Reset,
    /// These bytes again and again, until the other side closes; then the token is cancelled.
    Repeat(&'static [u8], CancellationToken),
    /// The same, but a few a second.
    Drip(&'static [u8], CancellationToken),
}

pub(super) struct Peer {
    address: SocketAddr,
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    requests: Mutex<Vec<String>>,
    connections: AtomicUsize,
}

impl Peer {
    pub(super) async fn answering(answer: impl Into<Arc<str>>) -> Self {
        Self::with(answer, Then::KeepOn).await
    }

    pub(super) async fn with(answer: impl Into<Arc<str>>, then: Then) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (answer, seen) = (answer.into(), Arc::new(Seen::default()));
        let task = tokio::spawn({
            let seen = Arc::clone(&seen);
            async move {
                loop {
                    let (stream, _) = listener.accept().await.unwrap();
                    seen.connections.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(serve(stream, Arc::clone(&seen), Arc::clone(&answer), then.clone()));
                }
            }
        });
        Self { address, seen, task }
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(super) fn requests(&self) -> Vec<String> {
        self.seen.requests.lock().unwrap().clone()
    }

    pub(super) fn connections(&self) -> usize {
        self.seen.connections.load(Ordering::SeqCst)
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(mut stream: TcpStream, seen: Arc<Seen>, answer: Arc<str>, then: Then) {
    while let Some(request) = read_request(&mut stream).await {
        seen.requests.lock().unwrap().push(request);
        stream.write_all(answer.as_bytes()).await.unwrap();
        match &then {
            Then::KeepOn => {}
            Then::CloseAtNext => {
                read_request(&mut stream).await;
                return;
            }
            Then::Close => return,
            Then::Reset => {
                stream.set_zero_linger().unwrap();
                return;
            }
            Then::Repeat(bytes, closed) => {
                while stream.write_all(bytes).await.is_ok() {
                    tokio::task::yield_now().await;
                }
                closed.cancel();
                return;
            }
            Then::Drip(bytes, closed) => {
                while stream.write_all(bytes).await.is_ok() {
                    tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                }
                closed.cancel();
                return;
            }
        }
    }
}

/// Head and body by Content-Length; `None` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: "))?;
            if body.len() >= length.parse().ok()? {
                return Some(text.into_owned());
            }
        }
        match stream.read_buf(&mut bytes).await {
            Ok(0) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}
