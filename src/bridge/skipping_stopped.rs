//! Skipping ahead on purpose while no bridge runs: the place in the state file is moved, from which it is then started
//! (rule W7).

use super::{error::BridgeError, places};
use crate::{
    config::Config,
    source::{Database, Identity},
    state::{Changes, Cursor, ForgetLayouts, Origin, Saved, SavedSubscription, State},
};

/// Where a subscription is to go on from.
#[derive(Clone, Copy, Debug)]
pub struct SkipTo<'a> {
    /// ApiSubscriptionNum.
    pub num: i64,
    /// Its DateTimeStart as it is.
    pub last_seen: &'a str,
    /// The DateTimeStart that is about to be written.
    pub local: &'a str,
    /// The same moment, in seconds since 1970 UTC.
    pub instant: i64,
    /// Whether rows stamped since that moment are searched for; else the subscription goes on from the log's end.
    pub search: bool,
}

/// Moves the subscription's place in the state file of `config` to the end of the server's log. DateTimeStart must be
/// written afterwards; until then a bridge that is started writes it.
///
/// Returns false where no place is stored, so that a bridge begins at DateTimeStart as with a new subscription.
///
/// # Errors
/// A bridge is running with this state file, or it cannot be written; the server cannot be asked.
pub async fn skip_while_stopped(config: &Config, skip: SkipTo<'_>) -> Result<bool, BridgeError> {
    let path = &config.state.path;
    if !path.exists() {
        return Ok(false);
    }
    let mut state = State::open(path).await?;
    let saved = state.load().await?;
    if matches!(state.origin(), Origin::Damaged { .. }) {
        // It has been made anew. A bridge must find that out by itself, since it then knows nothing of what was sent.
        state.discard().await?;
        return Ok(false);
    }
    let Some(place) = saved.subscriptions.iter().find(|place| place.num == skip.num) else {
        state.close().await?;
        return Ok(false);
    };
    let database = Database::connect(&config.mysql).await?;
    let known = saved.identity.as_deref().and_then(|known| serde_json::from_str::<Identity>(known).ok());
    let same_log = known == Some(database.identity().await?);
    let changes = if same_log {
        let end = database.current_position().await?;
        let cursor = Cursor { point: end.point(), resume: end };
        moved(&saved, place, cursor, skip)
    } else {
        Changes { remove: vec![skip.num], ..Changes::default() }
    };
    database.close().await;
    state.commit(&changes).await?;
    state.close().await?;
    Ok(same_log)
}

fn moved(saved: &Saved, place: &SavedSubscription, cursor: Cursor, skip: SkipTo<'_>) -> Changes {
    let place = SavedSubscription {
        cursor: Some(cursor),
        last_instant: Some(skip.instant),
        last_seen: skip.last_seen.to_owned(),
        pending: Some(skip.local.to_owned()),
        paused_until: None,
        window: None,
        catch_up: skip.search.then(|| skip.instant.saturating_mul(1_000_000)),
        ..place.clone()
    };
    let others = saved.subscriptions.iter().filter(|other| other.num != skip.num);
    let before = places::oldest(&saved.subscriptions).map(|position| position.point());
    let after = places::oldest(others.chain([&place])).map(|position| position.point());
    // The tables' columns are known up to where the log was read; what is skipped may have changed them (rule R5).
    let forget_layouts = (before != after).then_some(ForgetLayouts::All);
    Changes { upsert: vec![place], forget_layouts, ..Changes::default() }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::binlog::Position;

    fn position(offset: u64) -> Position {
        Position { file: "log.000001".to_owned(), offset, gtids: None }
    }

    fn place(num: i64, offset: u64) -> SavedSubscription {
        let resume = position(offset);
        SavedSubscription {
            num,
            fingerprint: "patient".to_owned(),
            cursor: Some(Cursor { point: resume.point(), resume }),
            last_instant: Some(1),
            last_seen: "2026-01-01 00:00:00".to_owned(),
            pending: None,
            paused_until: Some(5),
            window_number: 7,
            window: None,
            catch_up: Some(3),
        }
    }

    #[test]
    fn r5_columns_are_not_known_any_more_where_log_is_skipped_that_nobody_has_read() {
        let saved = Saved { subscriptions: vec![place(1, 100), place(2, 200)], ..Saved::default() };
        let end = || Cursor { point: position(900).point(), resume: position(900) };
        let skip = |num| SkipTo { num, last_seen: "a", local: "b", instant: 50, search: false };
        let changes = moved(&saved, &saved.subscriptions[0], end(), skip(1));
        assert_eq!(changes.forget_layouts, Some(ForgetLayouts::All));
        let changes = moved(&saved, &saved.subscriptions[1], end(), skip(2));
        assert_eq!(changes.forget_layouts, None, "the log is read from 100 on all the same");
        let expected = SavedSubscription {
            cursor: Some(end()),
            last_instant: Some(50),
            last_seen: "a".to_owned(),
            pending: Some("b".to_owned()),
            paused_until: None,
            catch_up: None,
            ..place(2, 200)
        };
        assert_eq!(changes.upsert, [expected]);
        let changes = moved(&saved, &saved.subscriptions[1], end(), SkipTo { search: true, ..skip(2) });
        assert_eq!(changes.upsert[0].catch_up, Some(50_000_000));
    }
}
