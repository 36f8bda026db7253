//! Events whose length and checksum are right, so that what is wrong in them is read.

/// Whose format an event is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// Without checksums, rows events of version 1.
    Mysql55,
    /// With checksums.
    Mysql97,
    /// Without checksums.
    Mysql97Unchecked,
    /// With checksums.
    Mariadb,
}

impl Server {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Mysql55, Self::Mysql97, Self::Mysql97Unchecked, Self::Mariadb];

    /// One of them, chosen by a byte.
    pub(crate) fn of(byte: u8) -> Self {
        Self::ALL[usize::from(byte) % Self::ALL.len()]
    }

    fn version(self) -> &'static [u8] {
        match self {
            Self::Mysql55 => b"5.5.62-log",
            Self::Mysql97 | Self::Mysql97Unchecked => b"9.7.4",
            Self::Mariadb => b"11.8.6-MariaDB-log",
        }
    }

    fn event_types(self) -> usize {
        match self {
            Self::Mysql55 => 27,
            Self::Mysql97 | Self::Mysql97Unchecked => 42,
            Self::Mariadb => 171,
        }
    }

    fn has_checksums(self) -> bool {
        matches!(self, Self::Mysql97 | Self::Mariadb)
    }
}

const HEADER: usize = 19;
const CHECKSUM: usize = 4;
/// Types whose events start with some fixed bytes, with how many these are (MySQL source documentation,
/// "Format_description_event").
const POST_HEADERS: [(usize, u8); 4] = [(2, 13), (18, 26), (19, 8), (165, 13)];

/// The event that a stream of this server begins with.
pub(crate) fn format_description(server: Server) -> Vec<u8> {
    let mut body = vec![4, 0];
    body.extend(server.version());
    body.resize(2 + 50 + 4, 0);
    body.push(HEADER as u8);
    let mut post_headers = vec![0; server.event_types()];
    for (code, bytes) in POST_HEADERS {
        if let Some(post_header) = post_headers.get_mut(code - 1) {
            *post_header = bytes;
        }
    }
    body.extend(post_headers);
    match server {
        Server::Mysql55 => {}
        server => body.push(u8::from(server.has_checksums())),
    }
    framed(15, 0, 0, &body, server != Server::Mysql55)
}

/// An event with this body.
pub(crate) fn event(server: Server, type_code: u8, flags: u16, end_position: u32, body: &[u8]) -> Vec<u8> {
    framed(type_code, flags, end_position, body, server.has_checksums())
}

/// An event as it stands in a transaction payload: without a checksum.
pub(crate) fn inner_event(type_code: u8, body: &[u8]) -> Vec<u8> {
    framed(type_code, 0, 0, body, false)
}

fn framed(type_code: u8, flags: u16, end_position: u32, body: &[u8], checksum: bool) -> Vec<u8> {
    let size = HEADER + body.len() + if checksum { CHECKSUM } else { 0 };
    let mut event = Vec::with_capacity(size);
    event.extend(1_700_000_000_u32.to_le_bytes());
    event.push(type_code);
    event.extend(1_u32.to_le_bytes());
    event.extend((size as u32).to_le_bytes());
    event.extend(end_position.to_le_bytes());
    event.extend(flags.to_le_bytes());
    event.extend(body);
    if checksum {
        event.extend(checksum_of(&event));
    }
    event
}

fn checksum_of(bytes: &[u8]) -> [u8; CHECKSUM] {
    crc32fast::hash(bytes).to_le_bytes()
}

/// Makes an event's size and checksum right again.
pub(crate) fn mend(event: &mut [u8]) {
    let size = event.len() as u32;
    if let Some(stated) = event.get_mut(9..13) {
        stated.copy_from_slice(&size.to_le_bytes());
    }
    if let Some(split) = event.len().checked_sub(CHECKSUM).filter(|split| *split >= HEADER) {
        let (bytes, stated) = event.split_at_mut(split);
        stated.copy_from_slice(&checksum_of(bytes));
    }
}
