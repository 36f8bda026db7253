//! The server's clock, and the office's time zone.

use chrono::{DateTime, Utc};

use super::{Finding, Mend};
use crate::{
    config::MysqlConfig,
    source::{Database, DatabaseError, TimeZone},
};

const CLOCK: &str = "clock";
const ZONE: &str = "time zone";

/// Receivers that verify signatures refuse what is older or newer than a few minutes, by our clock.
const MOST_SECONDS: i64 = 60;

/// How far the server's clock is from ours.
pub(super) async fn offset(database: &Database) -> Finding {
    let before = Utc::now();
    match database.clock().await {
        Ok(clock) => judged(clock.now, before, Utc::now()),
        Err(error) => Finding::unanswered(CLOCK, &error),
    }
}

fn judged(server: DateTime<Utc>, before: DateTime<Utc>, after: DateTime<Utc>) -> Finding {
    // The answer belongs to some moment in between.
    let ours = before + (after - before) / 2;
    let seconds = (server - ours).num_milliseconds() as f64 / 1000.0;
    let (far, side) = (seconds.abs(), if seconds < 0.0 { "behind" } else { "ahead of" });
    let found = format!("the server's is {far:.1} s {side} this machine's");
    if (far as i64) < MOST_SECONDS {
        return Finding::ok(CLOCK, found);
    }
    Finding::warning(CLOCK, format!("{found}: signatures carry the time of this one"))
        .mend(Mend::Do("let both machines take their time from the same source (NTP)".to_owned()))
}

/// The zone in which the practice's times are meant.
pub(super) async fn zone(mysql: &MysqlConfig, database: &Database) -> Finding {
    match zones(database).await {
        Ok((zone, now, offset)) => described(&mysql.time_zone, &zone, now, offset),
        Err(error) => Finding::unanswered(ZONE, &error),
    }
}

/// The zone as it is configured, an instant, and the offset of the server's sessions at that instant, in seconds.
async fn zones(database: &Database) -> Result<(TimeZone, i64, i32), DatabaseError> {
    let clock = database.clock().await?;
    Ok((database.time_zone().await?, clock.now.timestamp(), clock.offset))
}

fn described(configured: &str, zone: &TimeZone, now: i64, server: i32) -> Finding {
    let ours = zone.offset_at(now);
    if ours != server {
        let found = format!(
            "{configured} is at {}, the server's sessions are at {}: times would be sent wrong",
            utc_offset(ours),
            utc_offset(server)
        );
        return Finding::wrong(ZONE, found).mend(Mend::Config("mysql.time_zone = \"auto\"".to_owned()));
    }
    let change = match zone.next_change(now) {
        Some((at, offset)) => format!("; the clocks change to {} on {}", utc_offset(offset), zone.local_text(at)),
        None => "; the clocks do not change".to_owned(),
    };
    Finding::ok(ZONE, format!("{configured}: the server's is {}{change}", utc_offset(server)))
}

fn utc_offset(seconds: i32) -> String {
    let (sign, minutes) = (if seconds < 0 { '-' } else { '+' }, seconds.abs() / 60);
    format!("UTC{sign}{:02}:{:02}", minutes / 60, minutes % 60)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::check::Outcome;

    #[test]
    fn an_offset_counts_from_the_middle_of_the_answer() {
        let at = |millis: i64| DateTime::from_timestamp_millis(1_700_000_000_000 + millis).unwrap();
        let finding = judged(at(1_500), at(0), at(1_000));
        assert_eq!(
            (finding.outcome(), finding.found()),
            (Outcome::Ok, "the server's is 1.0 s ahead of this machine's")
        );
        assert_eq!(judged(at(-90_000), at(0), at(0)).outcome(), Outcome::Warning);
    }

    #[test]
    fn a_zone_that_is_not_the_servers_is_wrong_and_the_next_change_is_told() {
        let zone = TimeZone::named("America/New_York").unwrap();
        let january = DateTime::parse_from_rfc3339("2026-01-15T12:00:00Z").unwrap().timestamp();
        let finding = described("auto", &zone, january, -5 * 3600);
        let told = "auto: the server's is UTC-05:00; the clocks change to UTC-04:00 on 2026-03-08 03:00:00";
        assert_eq!((finding.outcome(), finding.found()), (Outcome::Ok, told));
        assert_eq!(described("America/New_York", &zone, january, 0).outcome(), Outcome::Wrong);
    }
}
