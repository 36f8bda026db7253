//! Row images, side by side in pieces of memory that each hold many.

use std::{collections::VecDeque, num::NonZero, sync::Arc};

use crate::source::Layout;

/// The most that a piece holds, unless one image alone is longer. Bytes.
const PIECE: usize = 256 << 10;

/// The first piece's size in bytes. The next ones are as large as all before them, up to [`PIECE`].
const FIRST_PIECE: usize = 4 << 10;

/// A row image with the layout that tells its columns.
///
/// Holds a patient's values: its `Debug` shows none of them (rule D4).
#[derive(Clone, Copy)]
pub struct StoredImage<'a> {
    /// The image as the binlog carried it.
    pub bytes: &'a [u8],
    /// The bitmap of the columns that it holds, from the lowest bit of the first byte; `None`: all.
    pub present: Option<&'a [u8]>,
    /// The layout that held at its position.
    pub layout: &'a Arc<Layout>,
}

impl std::fmt::Debug for StoredImage<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "StoredImage({} bytes)", self.bytes.len())
    }
}

/// Where an image is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    piece: u32,
    start: u32,
    /// Of the bitmap and the image.
    length: u32,
    /// The bitmap's bytes in front of the image; 0: it holds all columns.
    bitmap: u16,
    /// The number of its layout, from 1.
    layout: NonZero<u16>,
}

impl Place {
    /// Bytes that the image takes.
    pub(super) fn length(self) -> usize {
        self.length as usize
    }
}

/// Images in the order in which they came. A piece's memory is free again when none of its images is needed any more.
#[derive(Default)]
pub(super) struct Images {
    pieces: VecDeque<Piece>,
    /// The number of the first piece; the others count on from there, and begin at 0 again behind `u32::MAX`.
    first: u32,
    /// Bytes of the images that are needed.
    live: usize,
    /// Bytes of memory.
    held: usize,
    /// A piece's memory, to be used again.
    spare: Vec<u8>,
    /// No two are equal.
    layouts: Vec<Arc<Layout>>,
}

#[derive(Default)]
struct Piece {
    bytes: Vec<u8>,
    /// Bytes of the images that are needed.
    live: usize,
}

impl std::fmt::Debug for Images {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { live, held, .. } = self;
        formatter.debug_struct("Images").field("live", live).field("held", held).finish_non_exhaustive()
    }
}

impl Images {
    /// Bytes of the images that are needed.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// Bytes of memory that they are in.
    pub(super) fn held(&self) -> usize {
        self.held + self.spare.capacity()
    }

    /// Whether so much of the memory holds images that are not needed that the others should be moved together.
    pub(super) fn are_sparse(&self) -> bool {
        self.held / 2 > self.live + PIECE
    }

    /// Copies an image. `None` if it cannot be counted, as no event's can: it has 4 GiB, or 65535 layouts came before.
    pub(super) fn add(&mut self, image: StoredImage<'_>) -> Option<Place> {
        let layout = NonZero::new(u16::try_from(self.layout(image.layout)).ok()?)?;
        let present = image.present.unwrap_or_default();
        let length = present.len() + image.bytes.len();
        let (counted, bitmap) = (u32::try_from(length).ok()?, u16::try_from(present.len()).ok()?);
        if self.pieces.back().is_none_or(|piece| piece.bytes.capacity() - piece.bytes.len() < length) {
            self.begin_piece(length);
        }
        let last = u32::try_from(self.pieces.len()).ok()?.wrapping_sub(1);
        let piece = self.pieces.back_mut()?;
        let start = u32::try_from(piece.bytes.len()).ok()?;
        piece.bytes.extend_from_slice(present);
        piece.bytes.extend_from_slice(image.bytes);
        piece.live += length;
        self.live += length;
        Some(Place { piece: self.first.wrapping_add(last), start, length: counted, bitmap, layout })
    }

    /// The layout's number, from 1.
    fn layout(&mut self, layout: &Arc<Layout>) -> usize {
        if let Some(number) = self.layouts.iter().rposition(|known| Arc::ptr_eq(known, layout)) {
            return number + 1;
        }
        let equal = self.layouts.iter().position(|known| known == layout);
        equal.map_or_else(
            || {
                self.layouts.push(layout.clone());
                self.layouts.len()
            },
            |number| number + 1,
        )
    }

    fn begin_piece(&mut self, length: usize) {
        let mut bytes = std::mem::take(&mut self.spare);
        if bytes.capacity() < length {
            bytes = Vec::with_capacity(length.max(self.held.clamp(FIRST_PIECE, PIECE)));
        }
        self.held += bytes.capacity();
        self.pieces.push_back(Piece { bytes, live: 0 });
    }

    /// The image there; `None` if it is not needed any more.
    pub(super) fn get(&self, place: Place) -> Option<StoredImage<'_>> {
        let piece = self.pieces.get(place.piece.wrapping_sub(self.first) as usize)?;
        let start = place.start as usize;
        let all = piece.bytes.get(start..start + place.length())?;
        let (present, bytes) = all.split_at_checked(usize::from(place.bitmap))?;
        let layout = self.layouts.get(usize::from(place.layout.get()) - 1)?;
        Some(StoredImage { bytes, present: Some(present).filter(|bitmap| !bitmap.is_empty()), layout })
    }

    /// The image there is not needed any more. Once for each.
    pub(super) fn remove(&mut self, place: Place) {
        let index = place.piece.wrapping_sub(self.first) as usize;
        let Some(piece) = self.pieces.get_mut(index) else { return };
        piece.live -= place.length();
        self.live -= place.length();
        if piece.live > 0 {
            return;
        }
        let bytes = std::mem::take(&mut piece.bytes);
        self.held -= bytes.capacity();
        if self.spare.capacity() == 0 && bytes.capacity() == PIECE {
            self.spare = bytes;
            self.spare.clear();
        }
        while self.pieces.pop_front_if(|piece| piece.live == 0).is_some() {
            self.first = self.first.wrapping_add(1);
        }
    }

    /// Moves the images at these places, which are all that are needed, together.
    pub(super) fn move_together<'a>(&mut self, places: impl Iterator<Item = &'a mut Option<Place>>) {
        let mut before = std::mem::take(self);
        for place in places {
            let Some(old) = place.take() else { continue };
            *place = before.get(old).and_then(|image| self.add(image));
            // One piece after the other is given back, so that hardly more memory is needed meanwhile.
            before.remove(old);
        }
    }

    /// Gives back the memory that waits to be used again.
    pub(super) fn shrink(&mut self) {
        self.spare = Vec::new();
        self.pieces.shrink_to(64);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::binlog::TableColumns;

    fn layout(table: &str) -> Arc<Layout> {
        Arc::new(Layout {
            schema: "s".to_owned(),
            table: table.to_owned(),
            names: Vec::new(),
            columns: TableColumns::new(Vec::new(), None),
            keys_only: false,
            primary_key: Vec::new(),
            transactional: false,
        })
    }

    fn add(images: &mut Images, byte: u8, length: usize, layout: &Arc<Layout>) -> Place {
        images.add(StoredImage { bytes: &vec![byte; length], present: None, layout }).unwrap()
    }

    #[test]
    fn images_come_out_as_they_went_in() {
        let (mut images, layouts) = (Images::default(), [layout("a"), layout("b")]);
        let lengths = [0, 1, 5000, 100, PIECE - 1, PIECE, PIECE + 1, 3, 2 * PIECE, 77];
        let mut places = Vec::new();
        for (byte, length) in (0..).zip(lengths) {
            // A layout that is read again is another value, and equal.
            let layout = Arc::new(Layout::clone(&layouts[usize::from(byte) % 2]));
            let (bytes, bitmap) = (vec![byte; length], [byte, 0xff]);
            let present = (byte % 3 == 0).then_some(&bitmap[..]);
            places.push(Some(images.add(StoredImage { bytes: &bytes, present, layout: &layout }).unwrap()));
        }
        assert_eq!(images.layouts.len(), 2);
        for _ in 0..2 {
            for ((byte, length), place) in (0..).zip(lengths).zip(&places) {
                let image = images.get(place.unwrap()).unwrap();
                assert!(image.bytes.len() == length && image.bytes.iter().all(|it| *it == byte), "image {byte}");
                assert_eq!(image.present, (byte % 3 == 0).then_some(&[byte, 0xff][..]));
                assert_eq!(image.layout, &layouts[usize::from(byte) % 2]);
            }
            images.move_together(places.iter_mut());
        }
        assert_eq!(images.live(), lengths.iter().sum::<usize>() + 4 * 2);
    }

    #[test]
    fn what_is_not_needed_gives_its_memory_back() {
        let (mut images, layout) = (Images::default(), layout("a"));
        let places: Vec<Place> = (0..10_000).map(|number| add(&mut images, number as u8, 1000, &layout)).collect();
        assert!(images.held() < 10_500_000, "{} bytes for ten million", images.held());
        for place in &places[..9000] {
            images.remove(*place);
        }
        assert!(images.held() < 2_000_000, "{} bytes for a million", images.held());
        let mut left: Vec<_> = places[9000..].iter().copied().map(Some).collect();
        for place in left.iter_mut().filter(|place| place.is_some_and(|place| place.start % 10_000 != 0)) {
            images.remove(place.take().unwrap());
        }
        assert!(images.are_sparse());
        images.move_together(left.iter_mut());
        assert!(!images.are_sparse());
        assert!(left.iter().flatten().all(|place| images.get(*place).unwrap().bytes.len() == 1000));
    }

    #[test]
    fn a_small_log_takes_little_memory() {
        let (mut images, layout) = (Images::default(), layout("a"));
        add(&mut images, 1, 100, &layout);
        assert_eq!(images.held(), FIRST_PIECE);
    }
}
