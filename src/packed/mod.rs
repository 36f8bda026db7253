//! Many rows' keys in little memory: sorted, and each stored as what differs from the one before it. A million keys of
//! Open Dental's tables take some 3 to 10 MB, a tenth of what they take as values.

mod key_bytes;
mod list;
mod marks;

pub(crate) use key_bytes::KeyBytes;
pub(crate) use list::{Cursor, ListBuilder, PackedList};
pub use marks::{Mark, Marks, MarksBuilder, MarksFrom};
