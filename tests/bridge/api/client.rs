//! A caller of the API: bytes over a socket, so that nothing is put right on the way.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

use opendental_cdc::config::HttpConfig;
use serde_json::Value;

use crate::office::{Office, Running};

/// Open Dental's own published test keys.
pub(crate) const KEY: &str = "NFF6i0KrXrxDkZHt/VzkmZEaUWOjnQX2z";
pub(crate) const PATH: &str = "/api/v1/subscriptions";

/// Calls one bridge.
#[derive(Clone)]
pub(crate) struct Api {
    pub(crate) address: String,
    key: String,
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    /// The text of a refusal.
    pub(crate) fn words(&self) -> String {
        self.json().as_str().unwrap().to_owned()
    }

    pub(crate) fn num(&self) -> i64 {
        self.json()["SubscriptionNum"].as_i64().unwrap()
    }
}

impl Api {
    /// At a port that was free a moment ago.
    pub(crate) fn new() -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
        Self { address, key: KEY.to_owned() }
    }

    pub(crate) fn http(&self) -> HttpConfig {
        HttpConfig { api_keys: vec![KEY.into()], ..HttpConfig::on(&self.address) }
    }

    /// With another key.
    pub(crate) fn as_key(&self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self.clone() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, "", b"").await
    }

    pub(crate) async fn post(&self, body: &str) -> Answer {
        self.send("POST", PATH, "Content-Type: application/json\r\n", body.as_bytes()).await
    }

    pub(crate) async fn put(&self, num: i64, body: &str) -> Answer {
        let path = format!("{PATH}/{num}");
        self.send("PUT", &path, "Content-Type: application/json\r\n", body.as_bytes()).await
    }

    pub(crate) async fn delete(&self, num: i64) -> Answer {
        self.send("DELETE", &format!("{PATH}/{num}"), "", b"").await
    }

    /// Sends a request with these header lines beside those that each needs.
    pub(crate) async fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Answer {
        let key = &self.key;
        let mut request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: ODFHIR {key}\r\nConnection: close\r\n{headers}\
             Content-Length: {}\r\n\r\n",
            body.len()
        )
        .into_bytes();
        request.extend_from_slice(body);
        let address = self.address.clone();
        tokio::task::spawn_blocking(move || ask(&address, &request)).await.unwrap()
    }
}

/// The answer to the bytes of a request.
fn ask(address: &str, request: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(address).unwrap();
    // A server that refuses may close before it has read all.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Lets the bridges of `office` edit subscriptions.
pub(crate) async fn grant(office: &Office) {
    let account = format!("'{}'@'127.0.0.1'", office.database);
    office.exec(&format!("GRANT INSERT, DELETE ON {}.apisubscription TO {account}", office.database)).await;
}

/// A bridge with the API, and a caller of it.
pub(crate) async fn started(office: &Office) -> (Running, Api) {
    grant(office).await;
    let api = Api::new();
    let bridge = office.bridge_with(|config| config.http = api.http());
    office
        .until("the API answers", async || (api.listening() && api.get(PATH).await.status == 200).then_some(()))
        .await;
    (bridge, api)
}

impl Api {
    pub(crate) fn listening(&self) -> bool {
        TcpStream::connect(&self.address).is_ok()
    }
}
