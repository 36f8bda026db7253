//! A proxy that changes what passes through it.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What may be done to bytes that were read at once: on small servers at rest, whole packets.
pub type Rewrite = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// The port of a proxy before a server's port.
pub async fn proxy(server: u16, asked: Rewrite, answered: Rewrite) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
            tokio::spawn(forward(client, server, asked.clone(), answered.clone()));
        }
    });
    port
}

async fn forward(mut client: TcpStream, mut server: TcpStream, asked: Rewrite, answered: Rewrite) {
    let (mut question, mut answer) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        let sent = tokio::select! {
            Ok(read @ 1..) = client.read(&mut question) => {
                asked(&mut question[..read]);
                server.write_all(&question[..read]).await
            }
            Ok(read @ 1..) = server.read(&mut answer) => {
                answered(&mut answer[..read]);
                client.write_all(&answer[..read]).await
            }
            else => return,
        };
        if sent.is_err() {
            return;
        }
    }
}

/// The type codes of the events in packets that were read at once.
pub fn types(bytes: &mut [u8]) -> Vec<&mut u8> {
    let mut types = Vec::new();
    let mut rest = bytes;
    while let Some((head, behind)) = rest.split_at_mut_checked(4) {
        let length = u32::from_le_bytes([head[0], head[1], head[2], 0]) as usize;
        let Some((packet, behind)) = behind.split_at_mut_checked(length) else { break };
        rest = behind;
        // A status byte, then an event, whose type comes behind its time stamp.
        if let [0, _, _, _, _, kind, ..] = packet
            && length >= 20
        {
            types.push(kind);
        }
    }
    types
}
