//! The limit of all limits: the packets of a dump, counted as they come off a socket.

use std::{
    io::{Read, Write},
    net::TcpStream,
};

use crate::harness::load::{Log, Vendor};

/// Bytes asked of the socket at once.
const BUFFER: usize = 256 * 1024;

/// A packet's length and sequence number (MySQL source documentation, "MySQL Packets").
const PACKET_HEADER: usize = 4;

/// Ends the log instead of waiting for more (`BINLOG_DUMP_NON_BLOCK`).
const NON_BLOCK: u16 = 1;

/// Logs in as `root` without a password, asks for a log and reads it to its end; the bytes of its packets.
pub fn read(log: &Log) -> u64 {
    let mut packets = Packets::new(TcpStream::connect(("127.0.0.1", log.server.port())).unwrap());
    packets.next();
    // CLIENT_LONG_PASSWORD, CLIENT_PROTOCOL_41, CLIENT_SECURE_CONNECTION and CLIENT_PLUGIN_AUTH; the largest packet;
    // utf8mb4.
    let mut login = [&0x8_8201_u32.to_le_bytes()[..], &(1_u32 << 30).to_le_bytes(), &[45]].concat();
    login.resize(32, 0);
    login.extend(b"root\0\0");
    login.extend(match log.vendor {
        Vendor::MariaDb => &b"mysql_native_password\0"[..],
        Vendor::MySql => b"caching_sha2_password\0",
    });
    packets.send(1, &login);
    assert_eq!(packets.next(), 0, "the login is refused");
    packets.send(0, b"\x03SET @master_binlog_checksum = 'CRC32', @mariadb_slave_capability = 4");
    assert_eq!(packets.next(), 0, "the session is refused");
    let (file, offset) = (log.start.file.as_bytes(), log.start.offset as u32);
    packets.send(0, &[&[0x12][..], &offset.to_le_bytes(), &NON_BLOCK.to_le_bytes(), &[0; 4], file].concat());
    let before = packets.bytes;
    while packets.next() == 0 {}
    packets.bytes - before
}

struct Packets {
    stream: TcpStream,
    buffer: Vec<u8>,
    /// What of the buffer is filled, and how much of it is done with.
    filled: usize,
    taken: usize,
    /// Passed over so far.
    bytes: u64,
}

impl Packets {
    fn new(stream: TcpStream) -> Self {
        Self { stream, buffer: vec![0; BUFFER], filled: 0, taken: 0, bytes: 0 }
    }

    fn send(&mut self, number: u8, payload: &[u8]) {
        let mut packet = (payload.len() as u32).to_le_bytes();
        packet[3] = number;
        self.stream.write_all(&[&packet[..], payload].concat()).unwrap();
    }

    /// Passes over a packet; its first byte.
    fn next(&mut self) -> u8 {
        while self.filled - self.taken <= PACKET_HEADER {
            self.fill();
        }
        let header = &self.buffer[self.taken..];
        let length = usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        let first = header[PACKET_HEADER];
        let mut left = PACKET_HEADER + length;
        self.bytes += left as u64;
        while left > self.filled - self.taken {
            left -= self.filled - self.taken;
            self.taken = self.filled;
            self.fill();
        }
        self.taken += left;
        first
    }

    fn fill(&mut self) {
        self.buffer.copy_within(self.taken..self.filled, 0);
        self.filled -= self.taken;
        self.taken = 0;
        let read = self.stream.read(&mut self.buffer[self.filled..]).unwrap();
        assert!(read > 0, "the server closed the connection");
        self.filled += read;
    }
}
