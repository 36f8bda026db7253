//! The texts of MariaDB's UUID, INET4 and INET6, which the log carries as BINARY: without the zeros at their end.

use std::fmt::Write;
use std::net::Ipv4Addr;

/// The bytes with the zeros that the log leaves out; `None` if there are too many.
pub(super) fn padded<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut whole = [0; N];
    whole.get_mut(..bytes.len())?.copy_from_slice(bytes);
    Some(whole)
}

pub(super) fn write_uuid(bytes: [u8; 16], out: &mut String) {
    for (index, byte) in bytes.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push('-');
        }
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
    }
}

pub(super) fn write_inet4(bytes: [u8; 4], out: &mut String) {
    let _ = write!(out, "{}", Ipv4Addr::from(bytes));
}

/// Unlike RFC 5952, the server shortens a single zero group too.
pub(super) fn write_inet6(bytes: [u8; 16], out: &mut String) {
    let groups = std::net::Ipv6Addr::from(bytes).segments();
    let (start, end) = longest_zeros(&groups);
    let mapped = matches!(groups, [_, _, _, _, _, 0xffff, _, _]) && end == 5;
    if start == 0 && (end == 6 || mapped) {
        let [.., a, b, c, d] = bytes;
        out.push_str(if mapped { "::ffff:" } else { "::" });
        return write_inet4([a, b, c, d], out);
    }
    for (index, group) in groups.iter().enumerate() {
        if index == start && start < end {
            out.push_str("::");
        } else if !(start..end).contains(&index) {
            if index > 0 && index != end {
                out.push(':');
            }
            let _ = write!(out, "{group:x}");
        }
    }
}

/// The first of the longest runs of zero groups, and its end.
fn longest_zeros(groups: &[u16; 8]) -> (usize, usize) {
    let mut longest = (0, 0);
    let mut start = 0;
    for (index, group) in groups.iter().enumerate() {
        if *group != 0 {
            start = index + 1;
        } else if index + 1 - start > longest.1 - longest.0 {
            longest = (start, index + 1);
        }
    }
    longest
}
