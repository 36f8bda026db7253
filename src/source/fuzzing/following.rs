//! What the events of a log mean for watched tables.

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    binlog::{Decoder, EventBody, Image, LogPoint, Position, Utc},
    source::{
        change::{Change, Message, Step},
        declared_column::DeclaredColumn,
        error::SourceError,
        follower::{Failure, Follower, Wanted},
        layout::{DeclaredLayout, LayoutReader},
    },
};

/// More messages than one event makes.
const MESSAGES: usize = 1 << 16;

/// Follows the first table that these events tell of, as if the server declared it with as many columns, of any type.
///
/// # Panics
/// If a boundary goes back, a change is of another table, or its image cannot be walked.
pub fn following(events: &[Vec<u8>]) {
    let Some(table) = first_table(events) else { return };
    let (sender, mut messages) = mpsc::channel(MESSAGES);
    let start = Position { file: "b.000001".to_owned(), offset: 4, gtids: None };
    let (schema, name) = (table.schema.clone(), table.table.clone());
    let stop = CancellationToken::new();
    let tables = vec![name];
    let wanted = Wanted { schema, tables, keep_before: |_| true, transaction_bytes: usize::MAX };
    let mut follower = Follower::new(wanted, start, (Declared(table), &[]), sender, stop);
    let mut decoder = Decoder::new();
    let mut boundary = LogPoint::default();
    at_once(follower.prepare()).expect("the layout is there");
    for event in events {
        let taken = match decoder.decode(event) {
            Ok(mut event) => at_once(follower.take(&mut event)),
            Err(error) => at_once(follower.undecodable(&error, event.len())),
        };
        let goes_on = match taken {
            Ok(()) => at_once(follower.flush()).is_ok(),
            // As with a connection that is made again.
            Err(Failure::Unreadable(_)) => at_once(follower.prepare()).is_ok(),
            Err(_) => false,
        };
        while let Ok(message) = messages.try_recv() {
            check(&message, &mut boundary);
        }
        if !goes_on {
            return;
        }
    }
}

/// Nothing here waits for anything.
fn at_once<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().expect("it had to wait")
}

fn first_table(events: &[Vec<u8>]) -> Option<DeclaredLayout> {
    let mut decoder = Decoder::new();
    events.iter().find_map(|event| match decoder.decode(event).ok()?.body {
        EventBody::TableMap(map) => {
            let text = |name: &[u8]| String::from_utf8_lossy(name).into_owned();
            let columns = map.columns().map_or(0, |columns| columns.len());
            Some(DeclaredLayout {
                schema: text(map.schema),
                table: text(map.table),
                columns: (0..columns).map(|index| column(format!("c{index}"))).collect(),
                primary_key: if columns > 0 { vec![0] } else { Vec::new() },
                transactional: true,
            })
        }
        _ => None,
    })
}

/// A column that may be of any type.
fn column(name: String) -> DeclaredColumn {
    DeclaredColumn {
        name: name.into(),
        data_type: "any".into(),
        column_type: "any".into(),
        octet_length: None,
        precision: None,
        scale: None,
        fraction: None,
        collation: None,
    }
}

struct Declared(DeclaredLayout);

impl LayoutReader for Declared {
    async fn layout(&self, _table: &str) -> Result<Option<(DeclaredLayout, LogPoint)>, SourceError> {
        Ok(Some((self.0.clone(), LogPoint { file: 1, offset: 1000 })))
    }
}

fn check(message: &Message, boundary: &mut LogPoint) {
    let Message::Transactions { transactions, boundary: reached } = message else { return };
    let point = reached.position.point();
    assert!(point >= *boundary, "a boundary went back");
    assert!(reached.resume.point() <= point, "resuming would leave something out");
    *boundary = point;
    for step in transactions.iter().flat_map(|transaction| &transaction.steps) {
        match step {
            Step::Changes(changes) => changes.iter().for_each(|change| walk(&change)),
            Step::Keys(keys) => assert_eq!(keys.table(), 0, "another table"),
            Step::Cleared(table) => assert_eq!(*table, 0, "another table"),
            Step::Doubt(doubt) => assert!(doubt.from <= doubt.to, "a stretch that ends before it begins"),
        }
    }
}

fn walk(change: &Change) {
    assert_eq!(change.table, 0, "another table");
    let columns = &change.layout.columns;
    let whole = [&change.image, &change.before].into_iter().flatten().map(|bytes| Image::whole(bytes, columns));
    let partial = change.partial.iter().map(|partial| Image::new(&partial.bytes, &partial.present));
    for value in whole.chain(partial).flat_map(|image| image.values(columns)) {
        let Ok((index, value)) = value else { continue };
        if let Some(column) = columns.get(index) {
            let _ = value.text(column, &Utc);
        }
    }
}
