//! A proxy that changes what passes through it.

use std::sync::Arc;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

/// What may be done to the packets of a question, or to the bytes of an answer that were read at once: on small servers
/// at rest, whole packets.
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
    let (mut question, mut answer) = (Vec::new(), vec![0; 1 << 16]);
    loop {
        let sent = tokio::select! {
            Ok(1..) = client.read_buf(&mut question) => {
                // A client may send a packet in parts.
                if !is_whole(&question) {
                    continue;
                }
                asked(&mut question);
                let sent = server.write_all(&question).await;
                question.clear();
                sent
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

/// Whether a packet is there with all that its first three bytes say.
fn is_whole(packet: &[u8]) -> bool {
    matches!(packet, [a, b, c, _, payload @ ..] if payload.len() >= u32::from_le_bytes([*a, *b, *c, 0]) as usize)
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
