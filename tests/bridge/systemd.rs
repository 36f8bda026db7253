//! What systemd hears of the service, and what it says of its unit.

use std::{collections::VecDeque, fs, process::Command, time::Duration};

use tokio::{net::UnixDatagram, time::timeout};

use crate::{
    office::Office,
    proxy::{Fate, Proxy},
};

/// Plays systemd's side of sd_notify(3).
struct Manager {
    socket: UnixDatagram,
    folder: tempfile::TempDir,
    heard: Vec<String>,
    unheard: VecDeque<String>,
}

impl Manager {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        Self { socket, folder, heard: Vec::new(), unheard: VecDeque::new() }
    }

    /// The program as it would start it.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_opendental-cdc"));
        command.env("NOTIFY_SOCKET", self.folder.path().join("notify")).env("WATCHDOG_USEC", "400000");
        command
    }

    /// Listens until it hears this line, after the last one that was waited for.
    async fn until(&mut self, wanted: &str) {
        let listening = async {
            loop {
                while let Some(line) = self.unheard.pop_front() {
                    let found = line == wanted;
                    self.heard.push(line);
                    if found {
                        return;
                    }
                }
                let mut buffer = [0; 4096];
                let length = self.socket.recv(&mut buffer).await.unwrap();
                self.unheard.extend(String::from_utf8_lossy(&buffer[..length]).lines().map(str::to_owned));
            }
        };
        let listened = timeout(Duration::from_secs(60), listening).await;
        assert!(listened.is_ok(), "{wanted} in vain: {:?}", self.heard);
    }

    fn has_heard(&self, wanted: &str) -> bool {
        self.heard.iter().any(|line| line == wanted)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn systemd_hears_when_the_log_is_read_that_the_engine_lives_and_that_it_stops() {
    let mut office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let proxy = Proxy::before(office.server.port()).await;
    office.behind(proxy.port);
    proxy.all(Fate::Cut);
    let mut manager = Manager::new();
    let bridge = office.process_by(manager.command());
    manager.until("STATUS=not ready: waiting for the server").await;
    manager.until("EXTEND_TIMEOUT_USEC=60000000").await;
    manager.until("WATCHDOG=1").await;
    assert!(!manager.has_heard("READY=1"), "the log is not read yet");

    proxy.all(Fate::Forwarded);
    manager.until("READY=1").await;
    manager.until("STATUS=ready: 1 subscription").await;
    manager.until("WATCHDOG=1").await;
    manager.until("WATCHDOG=1").await;

    proxy.all(Fate::Cut);
    manager.until("STATUS=not ready: the connection to the server is lost").await;
    manager.until("WATCHDOG=1").await;
    manager.until("WATCHDOG=1").await;
    assert_eq!(bridge.terminate(), Some(0));
    manager.until("STOPPING=1").await;
    assert_eq!(manager.heard.iter().filter(|line| *line == "READY=1").count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_nobody_listens_is_told_once() {
    let office = Office::open().await;
    office.subscribe(1, "Appointment", 1).await;
    let mut manager = Manager::new();
    let path = manager.folder.path().join("notify");
    fs::remove_file(&path).unwrap();
    let bridge = office.process_by(manager.command());
    // Ten times a second it has something to say.
    for _ in 0..2 {
        office.ticking(1).await;
    }
    manager.socket = UnixDatagram::bind(&path).unwrap();
    manager.until("WATCHDOG=1").await;
    office.until("it says so", async || (office.told("systemd can be told again") == 1).then_some(())).await;
    assert_eq!(office.told("systemd cannot be told"), 1);
    assert_eq!(bridge.terminate(), Some(0));
}

#[test]
fn the_unit_is_one_that_systemd_understands() {
    let unit = fs::read_to_string("docs/systemd/opendental-cdc.service").unwrap();
    let installed = "/usr/local/bin/opendental-cdc ";
    assert!(unit.contains(installed));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("opendental-cdc.service");
    fs::write(&path, unit.replace(installed, concat!(env!("CARGO_BIN_EXE_opendental-cdc"), " "))).unwrap();
    let verified = Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path).output();
    let Ok(verified) = verified else {
        eprintln!("this machine has no systemd-analyze: the unit is not looked at");
        return;
    };
    let said = String::from_utf8_lossy(&verified.stderr);
    assert!(verified.status.success() && said.is_empty(), "{said}");
}
