//! The status page in a real browser, over a real bridge and server.

mod access;
mod accessible;
mod acting;
mod browser;
mod pictures;
mod polling;
mod showing;
mod tab;

use std::net::{SocketAddr, TcpListener};

use opendental_cdc::config::Config;
use tab::Tab;
use tokio::net::TcpStream;

use crate::office::{Office, Running};

/// An address where a bridge may show its page.
struct Address(SocketAddr);

impl Address {
    fn free() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap())
    }

    fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.0)
    }

    /// Starts a bridge that shows its page here.
    async fn bridge(&self, office: &Office) -> Running {
        self.bridge_with(office, |_| {}).await
    }

    async fn bridge_with(&self, office: &Office, change: impl FnOnce(&mut Config)) -> Running {
        let bridge = office.bridge_with(|config| {
            config.http.listen = self.0.to_string();
            change(config);
        });
        office.until("the page can be opened", async || TcpStream::connect(self.0).await.ok()).await;
        bridge
    }
}

/// Whatever the page did, the browser must not have complained.
fn assert_content(tab: &mut Tab) {
    let complaints = tab.complaints();
    assert!(complaints.is_empty(), "{complaints:#?}");
}
