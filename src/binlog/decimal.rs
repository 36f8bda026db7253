//! DECIMAL: groups of nine decimal digits in four bytes each, the first bit turned (MySQL source documentation,
//! `decimal2bin`).

/// Digits of a whole group.
const GROUP: u8 = 9;
/// Bytes that a group of 0 to 9 digits takes.
const GROUP_BYTES: [u8; 10] = [0, 1, 1, 2, 2, 3, 3, 4, 4, 4];

/// Whether a DECIMAL(precision, scale) can exist.
pub(super) fn is_possible(precision: u8, scale: u8) -> bool {
    (1..=65).contains(&precision) && scale <= 38 && scale <= precision
}

fn part_size(digits: u8) -> u16 {
    let odd = GROUP_BYTES.get(usize::from(digits % GROUP)).copied().unwrap_or(0);
    u16::from(digits / GROUP) * 4 + u16::from(odd)
}

/// Bytes of a value in a row image.
pub(super) fn size(precision: u8, scale: u8) -> u16 {
    part_size(precision.saturating_sub(scale)) + part_size(scale)
}

/// Most bytes of a value: DECIMAL(65, 1) and the like.
const MAX_BYTES: usize = 32;

/// Appends the value as a SELECT shows it. `None` if the bytes are no DECIMAL(precision, scale).
pub(super) fn write(bytes: &[u8], precision: u8, scale: u8, out: &mut String) -> Option<()> {
    let mut copy = [0; MAX_BYTES];
    let copy = copy.get_mut(..bytes.len())?;
    copy.copy_from_slice(bytes);
    let first = copy.first_mut()?;
    let negative = *first & 0x80 == 0;
    *first ^= 0x80;
    if negative {
        copy.iter_mut().for_each(|byte| *byte = !*byte);
    }
    let whole_digits = precision.checked_sub(scale)?;
    let (whole, fraction) = copy.split_at_checked(usize::from(part_size(whole_digits)))?;
    if fraction.len() != usize::from(part_size(scale)) {
        return None;
    }
    if negative {
        out.push('-');
    }
    let start = out.len();
    let odd = whole_digits % GROUP;
    let (odd_bytes, groups) = whole.split_at_checked(usize::from(part_size(odd)))?;
    write_group(odd_bytes, odd, out)?;
    write_groups(groups, out)?;
    let leading = out.get(start..)?.bytes().take_while(|digit| *digit == b'0').count();
    out.drain(start..start + leading);
    if out.len() == start {
        out.push('0');
    }
    if scale > 0 {
        out.push('.');
        let odd = scale % GROUP;
        let groups_size = fraction.len().checked_sub(usize::from(part_size(odd)))?;
        let (groups, odd_bytes) = fraction.split_at_checked(groups_size)?;
        write_groups(groups, out)?;
        write_group(odd_bytes, odd, out)?;
    }
    Some(())
}

fn write_groups(bytes: &[u8], out: &mut String) -> Option<()> {
    bytes.chunks_exact(4).try_for_each(|group| write_group(group, GROUP, out))
}

fn write_group(bytes: &[u8], digits: u8, out: &mut String) -> Option<()> {
    let value = bytes.iter().fold(0u32, |value, byte| value << 8 | u32::from(*byte));
    if value >= 10u32.pow(u32::from(digits)) {
        return None;
    }
    for place in (0..digits).rev() {
        let digit = value / 10u32.pow(u32::from(place)) % 10;
        out.push(char::from_digit(digit, 10)?);
    }
    Some(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn text(hex_bytes: &str, precision: u8, scale: u8) -> Option<String> {
        let bytes = hex::decode(hex_bytes).unwrap();
        assert_eq!(bytes.len(), usize::from(size(precision, scale)));
        let mut out = String::new();
        write(&bytes, precision, scale, &mut out).map(|()| out)
    }

    #[test]
    fn r3_decimals_read_as_a_select_shows_them() {
        // The example of the MySQL source documentation: DECIMAL(14,4) 1234567890.1234 and its negative.
        assert_eq!(text("810dfb38d204d2", 14, 4).unwrap(), "1234567890.1234");
        assert_eq!(text("7ef204c72dfb2d", 14, 4).unwrap(), "-1234567890.1234");
        assert_eq!(text("8000", 4, 2).unwrap(), "0.00");
        assert_eq!(text("8005", 3, 3).unwrap(), "0.005");
        assert_eq!(text("ff", 2, 0), None, "127 is no two-digit number");
    }
}
