use std::time::Duration;

use chrono::Utc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::config::Config;
use crate::http::Practice;
use crate::status::{Board, EngineKind, Health, Status};

fn board(health: Health) -> Board {
    Board::new(Status::starting(EngineKind::Binlog, "W", Utc::now()), health).0
}

async fn started(health: Health) -> (SocketAddr, CancellationToken, JoinHandle<()>) {
    let server = Server::bind(&HttpConfig::on("127.0.0.1:0")).await.unwrap().unwrap();
    let (address, cancel) = (server.local_addr(), CancellationToken::new());
    let config = Config::from_toml("workstation = 'W'\nmysql.url = 'mysql://u:p@192.0.2.200/d'").unwrap();
    let services = Services::new(&config, board(health), Practice::new());
    (address, cancel.clone(), tokio::spawn(server.serve(services, cancel)))
}

/// The whole answer to a request, as text.
async fn ask(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

async fn get(address: SocketAddr, path: &str) -> (u16, String) {
    get_from(address, "127.0.0.1", path).await
}

async fn get_from(address: SocketAddr, host: &str, path: &str) -> (u16, String) {
    let answer = ask(address, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn alive_at_once_and_ready_while_the_log_is_read() {
    let health = Health::new(Duration::from_secs(60));
    let (address, ..) = started(health.clone()).await;
    assert_eq!(get(address, "/healthz").await, (200, "alive\n".to_owned()));
    assert_eq!(get(address, "/readyz").await, (503, "not ready: starting\n".to_owned()));
    health.reading(Utc::now());
    assert_eq!(get(address, "/readyz").await, (200, "ready\n".to_owned()));
    health.not_ready("the server closed the connection");
    assert_eq!(get(address, "/readyz").await, (503, "not ready: the server closed the connection\n".to_owned()));
    assert_eq!(get(address, "/healthz").await, (200, "alive\n".to_owned()));
    assert_eq!(get(address, "/elsewhere").await.0, 404);
}

#[tokio::test]
async fn a_name_that_is_not_ours_is_answered_to_monitors_only() {
    let health = Health::new(Duration::from_secs(60));
    let (address, ..) = started(health).await;
    assert_eq!(get_from(address, "evil.example", "/healthz").await.0, 200);
    assert_eq!(get_from(address, "evil.example", "/readyz").await.0, 503);
    for path in ["/", "/api/v1/subscriptions", "/elsewhere"] {
        assert_eq!(get_from(address, "evil.example", path).await.0, 421, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let (address, ..) = started(Health::new(Duration::from_secs(60))).await;
    let head = "POST /elsewhere HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ";
    let declared = ask(address, &format!("{head}65537\r\n\r\n")).await;
    assert!(declared.starts_with("HTTP/1.1 413"), "{declared}");
    let fits = ask(address, &format!("{head}65536\r\nConnection: close\r\n\r\n{}", "x".repeat(65536))).await;
    assert!(fits.starts_with("HTTP/1.1 404"), "{fits}");
}

#[tokio::test]
async fn requests_that_mean_no_good_are_refused() {
    let (address, ..) = started(Health::new(Duration::from_secs(60))).await;
    let huge = format!("GET /healthz HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(64 * 1024));
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The server may close before it has read all of it.
    let _ = stream.write_all(huge.as_bytes()).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
    assert!(ask(address, "SSH-2.0-OpenSSH_9.2\r\n\r\n").await.starts_with("HTTP/1.1 400"));
    assert_eq!(get(address, "/healthz").await.0, 200, "and the server lives");
}

#[tokio::test]
async fn stops_though_a_client_keeps_its_connection() {
    let (address, cancel, serving) = started(Health::new(Duration::from_secs(60))).await;
    let mut idle = TcpStream::connect(address).await.unwrap();
    idle.write_all(b"GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n").await.unwrap();
    let mut first = [0; 12];
    idle.read_exact(&mut first).await.unwrap();
    cancel.cancel();
    serving.await.unwrap();
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn off_where_the_address_is_empty() {
    assert!(Server::bind(&HttpConfig::on("")).await.unwrap().is_none());
}

#[tokio::test]
async fn an_address_that_cannot_be_had_is_named_with_its_key() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let listen = taken.local_addr().unwrap().to_string();
    let error = Server::bind(&HttpConfig::on(&listen)).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("http.listen = \"{listen}\": cannot listen there: ")), "{error}");
    assert!(error.contains("choose another one"), "{error}");
    let error = Server::bind(&HttpConfig::on("192.0.2.1:30224")).await.unwrap_err().to_string();
    assert!(error.contains("does not have that address"), "{error}");
    let error = Server::bind(&HttpConfig::on("localhost")).await.unwrap_err().to_string();
    assert!(error.contains("it must look like"), "{error}");
}
