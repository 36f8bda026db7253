//! How long the server keeps its log, and so how long the bridge may be off.

use std::time::Duration;

use super::Finding;
use crate::{config::DeliveryConfig, source::ServerFacts};

const LOOK: &str = "retention";

/// A weekend with a Monday off.
const LONG_WEEKEND: Duration = Duration::from_secs(3 * 86_400);

/// What is proposed where it is too short.
const DAYS: u32 = 7;

pub(super) fn look(delivery: &DeliveryConfig, facts: &ServerFacts) -> Finding {
    let total = facts.number("max_binlog_total_size").filter(|bytes| *bytes >= 1.0);
    let but =
        total.map(|bytes| format!(", as long as there are no more than {:.0} MB", bytes / 1e6)).unwrap_or_default();
    let Some(kept) = kept(facts) else {
        let found = match total {
            Some(_) => format!("the log is kept{but}; the bridge may be off until then"),
            None => {
                "the log is kept for ever: the bridge may be off for as long as the server's disk has room".to_owned()
            }
        };
        return Finding::ok(LOOK, found);
    };
    let hours = kept.as_secs() / 3600;
    let reach =
        delivery.max_catch_up.map(|most| format!(", and no further back than delivery.max_catch_up, {}", length(most)));
    let found = format!(
        "{}{but}: if the bridge is off, or an endpoint down, for more than {hours} hours, it must catch up by SELECT{}",
        length(kept),
        reach.unwrap_or_default()
    );
    if kept >= LONG_WEEKEND {
        return Finding::ok(LOOK, found);
    }
    let (name, value) = facts.keep_log(DAYS);
    Finding::warning(LOOK, found).mend(facts.set(name, &value)).mend(facts.setting(format!("{name} = {value}")))
}

/// How long the log is kept; `None`: for ever.
fn kept(facts: &ServerFacts) -> Option<Duration> {
    if facts.variable(&["binlog_expire_logs_auto_purge"]).is_some_and(|purge| purge == "OFF") {
        return None;
    }
    // MySQL 8.0 has both, and one of them set; MariaDB keeps them equal.
    let seconds = facts.number("binlog_expire_logs_seconds").filter(|seconds| *seconds > 0.0);
    let days = facts.number("expire_logs_days").filter(|days| *days > 0.0);
    let seconds = seconds.or(days.map(|days| days * 86_400.0))?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// In words, in the largest unit that it is a whole number of.
fn length(time: Duration) -> String {
    let seconds = time.as_secs();
    let units = [(86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second")];
    let (unit, name) = units.into_iter().find(|(unit, _)| seconds.is_multiple_of(*unit)).unwrap_or((1, "second"));
    let count = seconds / unit;
    format!("{count} {name}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn found(variables: &[(&str, &str)], most: &str) -> Finding {
        let toml = format!("[mysql]\nurl = \"mysql://u:p@h/d\"\n[delivery]\nmax_catch_up = \"{most}\"");
        look(&Config::from_toml(&toml).unwrap().delivery, &ServerFacts::of(true, (11, 8, 0), variables))
    }

    #[test]
    fn every_form_of_the_setting_is_read() {
        let days = |variables| found(variables, "").found().split(':').next().unwrap().to_owned();
        assert_eq!(days(&[("expire_logs_days", "7")]), "7 days");
        assert_eq!(days(&[("expire_logs_days", "7.000000"), ("binlog_expire_logs_seconds", "604800")]), "7 days");
        assert_eq!(days(&[("expire_logs_days", "0"), ("binlog_expire_logs_seconds", "2592000")]), "30 days");
        assert_eq!(days(&[("binlog_expire_logs_seconds", "5400")]), "90 minutes");
        let never = [("binlog_expire_logs_seconds", "5400"), ("binlog_expire_logs_auto_purge", "OFF")];
        assert!(found(&never, "").found().starts_with("the log is kept for ever"));
        let limited = [("expire_logs_days", "0"), ("max_binlog_total_size", "500000000")];
        assert!(found(&limited, "").found().contains("no more than 500 MB"));
    }

    #[test]
    fn a_limited_catch_up_is_told() {
        let found = found(&[("expire_logs_days", "10")], "3d");
        assert_eq!(
            found.found(),
            "10 days: if the bridge is off, or an endpoint down, for more than 240 hours, it must catch up by SELECT, and \
             no further back than delivery.max_catch_up, 3 days"
        );
    }
}
