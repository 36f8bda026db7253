//! From bytes to typed events: framing, checksums, table maps, row images, GTIDs of both dialects, values.
//! Knows nothing of Open Dental, SQL or HTTP.

mod gtid;
mod position;

pub use gtid::Gtids;
pub use position::{LogPoint, Position};
