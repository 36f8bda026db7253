//! R7: the reader comes back by itself.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use opendental_cdc::{
    sandbox::{MariaDb, Options},
    source::{Database, Message},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use crate::{
    following::{Following, LONG, config, database},
    rewriting,
};

#[tokio::test]
async fn r7_a_killed_server_that_comes_back_is_read_on() {
    let mut server = MariaDb::start(Options::default()).await.unwrap();
    server.exec("USE opendental; CREATE TABLE t (id BIGINT PRIMARY KEY) ENGINE=MyISAM").await.unwrap();
    let mut following = Following::now(&server, "opendental", &["t"]).await;
    for round in 1..=2 {
        server.exec(&format!("INSERT INTO opendental.t VALUES ({round})")).await.unwrap();
        assert_eq!(following.steps().await, [format!("+{round}")]);
        if round == 1 {
            server.kill();
        } else {
            server.stop().await.unwrap();
        }
        while !matches!(following.next().await, Some(Message::Disconnected { .. })) {}
        server.restart().await.unwrap();
        server.exec(&format!("INSERT INTO opendental.t VALUES ({round}0); FLUSH BINARY LOGS; INSERT INTO opendental.t VALUES ({round}1)")).await.unwrap();
        assert_eq!(following.steps().await, [format!("+{round}0"), format!("+{round}1")]);
    }
    assert!(following.connections >= 3);
    following.end().await;
}

#[tokio::test]
async fn r7_a_connection_that_breaks_inside_a_transaction_loses_and_repeats_nothing() {
    let server = database("breaks").await;
    server
        .exec("USE breaks; CREATE TABLE t (id BIGINT PRIMARY KEY, v LONGTEXT); CREATE TABLE u (id BIGINT PRIMARY KEY)")
        .await
        .unwrap();
    let proxy = Proxy::start(server.port()).await;
    let url = server.url("breaks");
    let mysql = config(&url.replace(&server.port().to_string(), &proxy.port.to_string()), "tls = \"disabled\"");
    let questions = Database::connect(&config(&url, "")).await.unwrap();
    let mut following = Following::over(mysql, questions, &["t", "u"], None).await;
    following.connected().await;
    server.exec("INSERT INTO breaks.u VALUES (1)").await.unwrap();
    assert_eq!(following.steps().await, ["+1"]);
    proxy.cut_after(300_000);
    server
        .exec("USE breaks; BEGIN; INSERT INTO t VALUES (1, REPEAT('a', 200000)); INSERT INTO t VALUES (2, REPEAT('b', 200000)); INSERT INTO t VALUES (3, 'c'); COMMIT; INSERT INTO u VALUES (2)")
        .await
        .unwrap();
    assert_eq!(following.steps().await, ["+1 +2 +3", "+2"]);
    assert_eq!(following.connections, 2);
    following.end().await;
}

#[tokio::test]
async fn r7_a_connection_that_falls_silent_is_given_up() {
    let server = database("silent").await;
    server.exec("USE silent; CREATE TABLE t (id BIGINT PRIMARY KEY)").await.unwrap();
    let proxy = Proxy::start(server.port()).await;
    let url = server.url("silent");
    // The server may still show the silent connection, which is no other replica's.
    let more = "tls = \"disabled\"\nserver_id = 4712";
    let mysql = config(&url.replace(&server.port().to_string(), &proxy.port.to_string()), more);
    let questions = Database::connect(&config(&url, "")).await.unwrap();
    let mut following = Following::over(mysql, questions, &["t"], None).await;
    following.connected().await;
    following.steps().await;
    proxy.half_open();
    server.exec("INSERT INTO silent.t VALUES (1)").await.unwrap();
    assert_eq!(following.steps().await, ["+1"]);
    assert_eq!(following.connections, 2);
    following.end().await;
}

#[tokio::test]
async fn r4_a_damaged_event_is_read_again_and_then_named() {
    let server = database("damaged").await;
    server.exec("USE damaged; CREATE TABLE t (id BIGINT PRIMARY KEY, v LONGTEXT)").await.unwrap();
    let proxy = Proxy::start(server.port()).await;
    let url = server.url("damaged");
    let mysql = config(&url.replace(&server.port().to_string(), &proxy.port.to_string()), "tls = \"disabled\"");
    let questions = Database::connect(&config(&url, "")).await.unwrap();
    let mut following = Following::over(mysql, questions, &["t"], None).await;
    following.connected().await;
    proxy.damage(1);
    server.exec("INSERT INTO damaged.t VALUES (1, REPEAT('a', 200000))").await.unwrap();
    assert_eq!(following.steps().await, ["+1"]);
    assert_eq!(following.connections, 2, "once may be the network's fault");
    proxy.damage(1_000_000);
    server.exec("INSERT INTO damaged.t VALUES (2, REPEAT('b', 200000))").await.unwrap();
    let doubt = following.end_of_certainty().await;
    assert!(doubt.reason.contains("checksum"), "{doubt}");
}

#[tokio::test]
async fn r7_a_greeting_that_is_no_greeting_is_tried_again() {
    let server = database("garbled").await;
    server.exec("USE garbled; CREATE TABLE t (id BIGINT PRIMARY KEY)").await.unwrap();
    let greeted = AtomicBool::new(false);
    let empty_first = move |bytes: &mut [u8]| {
        if !greeted.swap(true, Ordering::SeqCst) {
            bytes[..3].fill(0);
        }
    };
    let port = rewriting::proxy(server.port(), Arc::new(|_| ()), Arc::new(empty_first)).await;
    let url = server.url_for("greeted", "x", "garbled");
    server.exec("CREATE USER greeted@'%' IDENTIFIED BY 'x'; GRANT ALL ON *.* TO greeted@'%'").await.unwrap();
    let mysql = config(&url.replace(&server.port().to_string(), &port.to_string()), "tls = \"disabled\"");
    let questions = Database::connect(&config(&url, "")).await.unwrap();
    let mut following = Following::over(mysql, questions, &["t"], None).await;
    following.connected().await;
    server.exec("INSERT INTO garbled.t VALUES (1)").await.unwrap();
    assert_eq!(following.steps().await, ["+1"]);
    following.end().await;
}

#[tokio::test]
async fn r7_a_packet_that_is_missing_is_noticed() {
    const WRITE_ROWS: u8 = 23;
    let server = MariaDb::start(Options::default()).await.unwrap();
    server
        .exec(
            "USE opendental; CREATE TABLE t (id BIGINT PRIMARY KEY);
             CREATE USER reader@'%' IDENTIFIED BY 'x'; GRANT ALL ON *.* TO reader@'%'",
        )
        .await
        .unwrap();
    let done = AtomicBool::new(false);
    // The first rows seem to come behind a packet that did not.
    let misnumber = move |bytes: &mut [u8]| {
        if rewriting::types(bytes).into_iter().any(|kind| *kind == WRITE_ROWS) && !done.swap(true, Ordering::SeqCst) {
            bytes[3] = bytes[3].wrapping_add(1);
        }
    };
    let port = rewriting::proxy(server.port(), Arc::new(|_| ()), Arc::new(misnumber)).await;
    let url = server.url_for("reader", "x", "opendental");
    let mysql = config(&url.replace(&server.port().to_string(), &port.to_string()), "tls = \"disabled\"");
    let questions = Database::connect(&config(&url, "")).await.unwrap();
    let mut following = Following::over(mysql, questions, &["t"], None).await;
    following.connected().await;
    server.exec("INSERT INTO opendental.t VALUES (1)").await.unwrap();
    assert_eq!(following.steps().await, ["+1"]);
    assert_eq!(following.connections, 2);
    following.end().await;
}

#[tokio::test]
async fn r7_a_reader_that_was_stopped_leaves_the_server() {
    let server = MariaDb::start(Options::default()).await.unwrap();
    server.exec("CREATE TABLE opendental.t (id BIGINT PRIMARY KEY)").await.unwrap();
    let mut following = Following::now(&server, "opendental", &["t"]).await;
    server.exec("INSERT INTO opendental.t VALUES (1)").await.unwrap();
    assert_eq!(following.steps().await, ["+1"]);
    let dumps = "SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Binlog Dump'";
    assert_eq!(server.value(dumps).await.unwrap().as_deref(), Some("1"));
    following.end().await;
    let left = async { while server.value(dumps).await.unwrap().as_deref() != Some("0") {} };
    tokio::time::timeout(LONG, left).await.expect("the server still has the connection");
}

/// Forwards to a server, until told otherwise.
struct Proxy {
    port: u16,
    /// The connections of now stop forwarding, and stay open.
    silent: Arc<std::sync::Mutex<Vec<Arc<AtomicBool>>>>,
    /// Bytes from the server after which the connections are cut; once.
    budget: Arc<AtomicI64>,
    /// How many full reads of the server's bytes get a flipped bit.
    damage: Arc<AtomicI64>,
}

impl Proxy {
    async fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let silent: Arc<std::sync::Mutex<Vec<Arc<AtomicBool>>>> = Arc::default();
        let budget = Arc::new(AtomicI64::new(i64::MAX));
        let damage = Arc::new(AtomicI64::new(0));
        let (flags, left, bad) = (silent.clone(), budget.clone(), damage.clone());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let flag = Arc::new(AtomicBool::new(false));
                flags.lock().unwrap().push(flag.clone());
                tokio::spawn(forward(client, server, flag, left.clone(), bad.clone()));
            }
        });
        Self { port, silent, budget, damage }
    }

    fn half_open(&self) {
        self.silent.lock().unwrap().drain(..).for_each(|flag| flag.store(true, Ordering::SeqCst));
    }

    fn damage(&self, reads: i64) {
        self.damage.store(reads, Ordering::SeqCst);
    }

    fn cut_after(&self, bytes: i64) {
        self.budget.store(bytes, Ordering::SeqCst);
    }
}

async fn forward(
    mut client: TcpStream,
    server: u16,
    silent: Arc<AtomicBool>,
    budget: Arc<AtomicI64>,
    damage: Arc<AtomicI64>,
) {
    let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
    let (mut from_client, mut from_server) = (vec![0; 4096], vec![0; 4096]);
    loop {
        tokio::select! {
            read = client.read(&mut from_client) => match read {
                Ok(count) if count > 0 => server.write_all(&from_client[..count]).await.unwrap(),
                _ => return,
            },
            read = server.read(&mut from_server) => match read {
                Ok(_) if silent.load(Ordering::SeqCst) => {}
                Ok(count) if count > 0 => {
                    if count == from_server.len() && damage.fetch_sub(1, Ordering::SeqCst) > 0 {
                        from_server[count / 2] ^= 1;
                    }
                    if budget.fetch_sub(count as i64, Ordering::SeqCst) < count as i64 {
                        budget.store(i64::MAX, Ordering::SeqCst);
                        return;
                    }
                    if client.write_all(&from_server[..count]).await.is_err() {
                        return;
                    }
                }
                _ => return,
            },
        }
    }
}
