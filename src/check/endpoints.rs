//! The endpoints: a URL that can be used, and somebody there who takes connections. Nothing is sent.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};

use super::{Finding, Mend};
use crate::{
    config::Config,
    delivery::{Failure, FailureKind, Guard, Reach},
    opendental::{Subscription, mask_url},
};

/// Endpoints that are looked at side by side.
const AT_ONCE: usize = 16;

/// One finding for each URL, in their order.
pub(super) async fn look(config: &Config, subscriptions: &[Subscription]) -> Vec<Finding> {
    let reach = match Reach::new(Guard::new(config)) {
        Ok(reach) => reach,
        Err(error) => return vec![Finding::wrong("endpoints", format!("TLS cannot be set up: {error}"))],
    };
    let mut by_url: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for subscription in subscriptions {
        by_url.entry(subscription.end_point_url.clone()).or_default().push(subscription.num);
    }
    let looks = by_url.into_iter().map(|(url, nums)| {
        let reach = reach.clone();
        async move { judged(&url, &nums, reach.look(&url).await) }
    });
    stream::iter(looks).buffered(AT_ONCE).collect().await
}

fn judged(url: &str, nums: &[i64], reached: Result<(), Failure>) -> Finding {
    let look = format!("endpoint {}", mask_url(url));
    let nums = nums.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
    let failure = match reached {
        Ok(()) => return Finding::ok(look, format!("reached (subscriptions {nums})")),
        Err(failure) => failure,
    };
    let finding = Finding::warning(look, format!("{} (subscriptions {nums})", failure.reason));
    let finding = match failure.kind {
        FailureKind::Connect | FailureKind::TimeOut => {
            finding.mend(Mend::Do("start the receiver, and let this machine through to its port".to_owned()))
        }
        FailureKind::Tls => {
            let certificate = "give the receiver a certificate for its name that this machine trusts; \
                               without authorities (Debian and Ubuntu: apt-get install ca-certificates) it trusts none";
            finding.mend(Mend::Do(certificate.to_owned()))
        }
        FailureKind::Denied => {
            finding.mend(Mend::Do("let delivery.allow and delivery.deny permit it, if it is meant to be".to_owned()))
        }
        _ => finding,
    };
    finding.mend(Mend::Sql(format!(
        "UPDATE apisubscription SET EndPointUrl = '<https://host/path>' WHERE ApiSubscriptionNum IN ({nums});"
    )))
}
