//! A TCP proxy before the server, which cuts and freezes connections as networks do.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU16, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::JoinSet,
};

/// Client commands that ask for the log (MySQL manual: COM_BINLOG_DUMP, COM_BINLOG_DUMP_GTID).
const DUMPS: [u8; 2] = [0x12, 0x1e];

/// What is forwarded at one go.
const PIECE: usize = 4096;

/// What happens to connections of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Forwarded,
    /// What comes through comes slowly, some 400 kB in a second.
    Slow,
    /// They stay open, and nothing goes through: a firewall that forgot them.
    Silent,
    /// They are cut, new ones too.
    Cut,
}

/// Stands between a bridge and its server.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    /// Where new connections lead to.
    server: Arc<AtomicU16>,
    /// The fate of connections that the log is read over, and that of all others.
    dumps: watch::Sender<Fate>,
    others: watch::Sender<Fate>,
    _listening: JoinSet<()>,
}

impl Proxy {
    pub(crate) async fn before(server: u16) -> Self {
        Self::listening(TcpListener::bind("127.0.0.1:0").await.unwrap(), server)
    }

    /// At a port that another proxy had until now.
    pub(crate) async fn again(port: u16, server: u16) -> Self {
        loop {
            // The other may still be ending.
            match TcpListener::bind(("127.0.0.1", port)).await {
                Ok(listener) => return Self::listening(listener, server),
                Err(_) => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
            }
        }
    }

    fn listening(listener: TcpListener, server: u16) -> Self {
        let port = listener.local_addr().unwrap().port();
        let (dumps, others) = (watch::Sender::new(Fate::Forwarded), watch::Sender::new(Fate::Forwarded));
        let server = Arc::new(AtomicU16::new(server));
        let mut listening = JoinSet::new();
        let leads_to = server.clone();
        let fates = Fates { dumps: dumps.subscribe(), others: others.subscribe() };
        listening.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let server = SocketAddr::from(([127, 0, 0, 1], leads_to.load(Ordering::Relaxed)));
                connections.spawn(connection(client, server, fates.clone()));
            }
        });
        Self { port, server, dumps, others, _listening: listening }
    }

    /// Lets new connections lead to another server, at this port.
    pub(crate) fn lead_to(&self, server: u16) {
        self.server.store(server, Ordering::Relaxed);
    }

    /// What happens to the connections that the log is read over.
    pub(crate) fn dumps(&self, fate: Fate) {
        self.dumps.send_replace(fate);
    }

    /// What happens to all connections.
    pub(crate) fn all(&self, fate: Fate) {
        self.dumps.send_replace(fate);
        self.others.send_replace(fate);
    }
}

#[derive(Clone)]
struct Fates {
    dumps: watch::Receiver<Fate>,
    others: watch::Receiver<Fate>,
}

async fn connection(client: TcpStream, server: SocketAddr, fates: Fates) {
    let Ok(server) = TcpStream::connect(server).await else { return };
    let (client_read, client_write) = client.into_split();
    let (server_read, server_write) = server.into_split();
    // Known from the moment the client asks for the log.
    let fate = Arc::new(Mutex::new(fates.others.clone()));
    tokio::select! {
        () = forward(client_read, server_write, &fate, Some(&fates.dumps)) => {}
        () = forward(server_read, client_write, &fate, None) => {}
        () = cut(fates.others.clone(), fates.dumps.clone(), &fate) => {}
    }
}

async fn forward(
    mut from: tcp::OwnedReadHalf,
    mut to: tcp::OwnedWriteHalf,
    fate: &Mutex<watch::Receiver<Fate>>,
    dumps: Option<&watch::Receiver<Fate>>,
) {
    let mut buffer = vec![0; 1 << 16];
    loop {
        let Ok(count) = from.read(&mut buffer).await else { return };
        if count == 0 {
            return;
        }
        if let Some(dumps) = dumps
            && count > 4
            && buffer[3] == 0
            && DUMPS.contains(&buffer[4])
        {
            *fate.lock().unwrap() = dumps.clone();
        }
        for piece in buffer[..count].chunks(PIECE) {
            let mut fate = fate.lock().unwrap().clone();
            let Ok(fate) = fate.wait_for(|fate| matches!(fate, Fate::Forwarded | Fate::Slow)).await.map(|fate| *fate)
            else {
                return;
            };
            if to.write_all(piece).await.is_err() {
                return;
            }
            if fate == Fate::Slow {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    }
}

/// Returns when the connection is to be cut.
async fn cut(mut others: watch::Receiver<Fate>, mut dumps: watch::Receiver<Fate>, fate: &Mutex<watch::Receiver<Fate>>) {
    loop {
        if *fate.lock().unwrap().borrow() == Fate::Cut {
            return;
        }
        // A connection may turn into one that the log is read over.
        let tick = tokio::time::sleep(std::time::Duration::from_millis(5));
        tokio::select! {
            _ = others.changed() => {}
            _ = dumps.changed() => {}
            () = tick => {}
        }
    }
}
