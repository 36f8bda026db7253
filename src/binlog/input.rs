//! Reading numbers and strings off the front of bytes that nobody has checked yet.

use super::error::DecodeError;

/// Bytes still to be read; every step checks that they are there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    rest: &'a [u8],
    /// What is being read, for the error.
    what: &'static str,
}

impl<'a> Input<'a> {
    pub(crate) fn new(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(crate) fn malformed(&self) -> DecodeError {
        DecodeError::Malformed { what: self.what }
    }

    fn short(&self, wanted: usize) -> DecodeError {
        DecodeError::Truncated { what: self.what, wanted, left: self.rest.len() }
    }

    #[inline]
    pub(crate) fn bytes(&mut self, count: usize) -> Result<&'a [u8], DecodeError> {
        match self.rest.split_at_checked(count) {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(taken)
            }
            None => Err(self.short(count)),
        }
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        match self.rest.split_first_chunk::<N>() {
            Some((taken, rest)) => {
                self.rest = rest;
                Ok(*taken)
            }
            None => Err(self.short(N)),
        }
    }

    #[inline]
    pub(crate) fn u8(&mut self) -> Result<u8, DecodeError> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u16(&mut self) -> Result<u16, DecodeError> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, DecodeError> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, DecodeError> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn uuid(&mut self) -> Result<[u8; 16], DecodeError> {
        self.array()
    }

    /// A table id: six bytes, or four in the logs of early 5.1 servers, whose post-header is two bytes shorter.
    pub(crate) fn table_id(&mut self, post_header: u8) -> Result<u64, DecodeError> {
        if post_header == 6 {
            return self.u32().map(u64::from);
        }
        let [a, b, c, d, e, f] = self.array()?;
        Ok(u64::from_le_bytes([a, b, c, d, e, f, 0, 0]))
    }

    /// A length-encoded integer (MySQL source documentation, "Protocol::LengthEncodedInteger").
    pub(crate) fn packed(&mut self) -> Result<u64, DecodeError> {
        match self.u8()? {
            small @ 0..=250 => Ok(u64::from(small)),
            252 => self.u16().map(u64::from),
            253 => self.array().map(|[a, b, c]| u64::from(u32::from_le_bytes([a, b, c, 0]))),
            254 => self.u64(),
            251 | 255 => Err(self.malformed()),
        }
    }

    /// A length-encoded count or length that must fit what is left (each thing counted takes at least one byte).
    pub(crate) fn packed_length(&mut self) -> Result<usize, DecodeError> {
        let stated = self.packed()?;
        match usize::try_from(stated) {
            Ok(length) if length <= self.rest.len() => Ok(length),
            _ => Err(self.short(usize::try_from(stated).unwrap_or(usize::MAX))),
        }
    }

    pub(crate) fn packed_bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.packed_length()?;
        self.bytes(length)
    }

    /// A name: one byte of length, the bytes, and a NUL that the length does not count.
    pub(crate) fn name(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = usize::from(self.u8()?);
        let name = self.bytes(length)?;
        match self.u8()? {
            0 => Ok(name),
            _ => Err(self.malformed()),
        }
    }

    /// An unsigned number of MySQL's serialisation library: as many one bits at the bottom of the first byte as bytes
    /// follow it (MySQL source documentation, "mysql::serialization").
    pub(crate) fn varlen(&mut self) -> Result<u64, DecodeError> {
        let first = self.u8()?;
        let follow = first.trailing_ones();
        let mut low = [0; 8];
        let following = self.bytes(follow as usize)?;
        low.iter_mut().zip(following).for_each(|(to, from)| *to = *from);
        let following = u64::from_le_bytes(low);
        if follow >= 7 {
            return Ok(following);
        }
        Ok((following << (7 - follow)) | u64::from(first >> (follow + 1)))
    }

    /// The signed twin of [`Input::varlen`]: the sign is the lowest bit.
    pub(crate) fn varlen_signed(&mut self) -> Result<i64, DecodeError> {
        let raw = self.varlen()?;
        let value = (raw >> 1) as i64;
        Ok(if raw & 1 == 1 { !value } else { value })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn varlen_numbers_of_every_size() {
        let read = |bytes: &[u8]| Input::new(bytes, "test").varlen().unwrap();
        assert_eq!(read(&[0x02]), 1);
        assert_eq!(read(&[0xfe]), 127);
        assert_eq!(read(&[0x01, 0x02]), 128);
        assert_eq!(read(&[0xfd, 0xff]), 16383);
        assert_eq!(read(&[0x7f, 1, 0, 0, 0, 0, 0, 0]), 1);
        assert_eq!(read(&[0xff, 1, 0, 0, 0, 0, 0, 0, 0x80]), 0x8000_0000_0000_0001);
        assert!(Input::new(&[0xff, 1], "test").varlen().is_err());
        assert_eq!(Input::new(&[0x04], "test").varlen_signed().unwrap(), 1);
        assert_eq!(Input::new(&[0x06], "test").varlen_signed().unwrap(), -2);
    }

    #[test]
    fn a_length_beyond_the_bytes_is_refused() {
        assert!(Input::new(&[0xfe, 255, 255, 255, 255, 255, 255, 255, 255, 1], "test").packed_length().is_err());
        assert!(Input::new(&[0xfb], "test").packed().is_err());
    }
}
