//! Events that do not fit one packet of the protocol (16 MiB less one byte).

use opendental_cdc::sandbox::{MariaDb, MySql, Options, Server};

use crate::following::{Following, changes};

/// The most that one packet holds; a packet that is as long is followed by another one, which may be empty.
const PACKET: usize = 0xff_ffff;

/// `overhead`: bytes of a packet with a rows event beside the text: a status byte, the event's header, table, bitmaps,
/// NULL bits, key, the text's length and the checksum.
async fn rows_of_many_packets(server: Server, overhead: usize) {
    server.exec("USE opendental; CREATE TABLE t (id BIGINT PRIMARY KEY, v LONGTEXT)").await.unwrap();
    let mut following = Following::now(&server, "opendental", &["t"]).await;
    let full = PACKET - overhead;
    let text = |length: usize| format!("LEFT(REPEAT('0123456789abcde', {}), {length})", length / 15 + 1);
    let mut texts = [full - 1, full, full + 1, full + PACKET, 40_000_000].map(text).to_vec();
    // A text whose second packet looks like a rotation to another file. Behind a text comes the checksum.
    let forged = forged_rotation();
    texts.push(format!("CONCAT({}, X'{}', {})", text(full + 4), hex::encode(&forged), text(1000)));
    for (id, text) in texts.into_iter().enumerate() {
        server.exec(&format!("INSERT INTO opendental.t VALUES ({id}, {text})")).await.unwrap();
        let changes = changes(following.transactions().await);
        let image = changes[0].image.as_ref().unwrap();
        let sum = server.value(&format!("SELECT CRC32(v) FROM opendental.t WHERE id = {id}")).await.unwrap().unwrap();
        assert_eq!(crc32fast::hash(&image[1 + 8 + 4..]).to_string(), sum);
        server.exec("TRUNCATE opendental.t").await.unwrap();
        assert_eq!(following.steps().await, ["clear t"]);
    }
    let events = format!("SHOW BINLOG EVENTS IN '{}'", following.boundary.position.file);
    let events = server.query(&events).await.unwrap();
    let number = |value: &Option<String>| value.as_ref().unwrap().parse::<usize>().unwrap();
    let sizes = events.iter().map(|event| number(&event[4]).saturating_sub(number(&event[1])));
    let large: Vec<usize> = sizes.filter(|size| *size > 1_000_000).collect();
    let forging = PACKET + 3 + forged.len() + 1000;
    let expected = [PACKET - 2, PACKET - 1, PACKET, 2 * PACKET - 1, 40_000_000 + overhead - 1, forging];
    assert_eq!(large, expected, "the server's events have the sizes that this test is about");
    assert_eq!(following.connections, 1);
    following.end().await;
}

/// A packet with an event that tells of another file.
fn forged_rotation() -> Vec<u8> {
    const ROTATE: u8 = 4;
    let name = b"chosen-by-a-patient.000001";
    let size = 19 + 8 + name.len() as u32;
    let mut packet = vec![0; 5];
    packet.push(ROTATE);
    packet.extend(1_u32.to_le_bytes());
    packet.extend(size.to_le_bytes());
    packet.extend([0; 6]);
    packet.extend(4_u64.to_le_bytes());
    packet.extend(name);
    packet
}

fn options() -> Options {
    Options::default().arg("--max-allowed-packet=256M")
}

#[tokio::test]
async fn r1_rows_of_many_packets_are_read_from_mariadb() {
    rows_of_many_packets(MariaDb::start(options()).await.unwrap(), 47).await;
}

#[tokio::test]
async fn r1_rows_of_many_packets_are_read_from_mysql() {
    if !MySql::is_available() {
        println!("MySQL was NOT tested: scripts/fetch-servers has not brought it");
        return;
    }
    rows_of_many_packets(MySql::start(options().gtid()).await.unwrap(), 49).await;
}
