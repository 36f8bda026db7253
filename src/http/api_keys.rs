//! Who calls the API: `Authorization: ODFHIR {DeveloperKey}/{CustomerKey}`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header::AUTHORIZATION, request::Parts},
};
use secrecy::{ExposeSecret, SecretString};

use super::{caller::Peer, practice::Practice, refusal::Refusal, secret::Secret, services::Services};

/// A key that was taken out of the practice's table is good for no longer than this.
const KEPT: Duration = Duration::from_secs(30);

/// Keys that are not known are looked for in the table no more often than this.
const PAUSE: Duration = Duration::from_secs(1);

/// Callers with wrong keys are told of in the log no more often than this.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// The keys that are good: those of the configuration, and those of the practice's table `apikey`.
///
/// The table has customer keys only: developers' keys are known to Open Dental alone. So any developer key is good
/// with them, unless the configuration lists the customer key with one.
#[derive(Clone)]
pub(crate) struct ApiKeys {
    listed: Arc<[Listed]>,
    known: Arc<Mutex<Known>>,
}

struct Listed {
    /// `None`: any.
    developer: Option<Secret>,
    customer: Secret,
}

/// What the table held.
#[derive(Default)]
struct Known {
    customers: Arc<[Secret]>,
    asked: Option<Instant>,
    told: Option<Instant>,
}

/// The two halves of a key, as presented.
struct Presented<'a> {
    developer: &'a str,
    customer: &'a str,
}

/// A caller whose key is good.
pub(crate) struct Caller {
    /// Its customer key: what it makes and sees is that key's.
    pub(crate) customer_key: String,
}

impl FromRequestParts<Services> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, services: &Services) -> Result<Self, Refusal> {
        let peer = parts.extensions.get::<Peer>().copied();
        services.keys.caller(&parts.headers, peer, &services.practice).await
    }
}

impl ApiKeys {
    /// With these keys of the configuration.
    pub(super) fn new(listed: &[SecretString]) -> Self {
        let listed = listed.iter().map(|key| match key.expose_secret().split_once('/') {
            Some((developer, customer)) => {
                Listed { developer: Some(Secret::of(developer)), customer: Secret::of(customer) }
            }
            None => Listed { developer: None, customer: Secret::of(key.expose_secret()) },
        });
        Self { listed: listed.collect(), known: Arc::default() }
    }

    /// Who presents these headers.
    ///
    /// # Errors
    /// [`Refusal::Unauthorized`], or that the table cannot be asked while nothing else tells that the key is good.
    pub(crate) async fn caller(
        &self,
        headers: &HeaderMap,
        peer: Option<Peer>,
        practice: &Practice,
    ) -> Result<Caller, Refusal> {
        let good = match presented(headers) {
            Some(key) if self.is_good(&key, practice).await? => Some(key),
            _ => None,
        };
        match good {
            Some(key) => Ok(Caller { customer_key: key.customer.to_owned() }),
            None => {
                self.tell(peer);
                Err(Refusal::Unauthorized)
            }
        }
    }

    async fn is_good(&self, key: &Presented<'_>, practice: &Practice) -> Result<bool, Refusal> {
        // All are compared, whichever is the one: how long it takes tells nothing.
        let (mut is_listed, mut good) = (false, false);
        for listed in &*self.listed {
            let same = listed.customer.is(key.customer);
            is_listed |= same;
            good |= same & listed.developer.as_ref().is_none_or(|developer| developer.is(key.developer));
        }
        if is_listed {
            return Ok(good);
        }
        let has = |customers: &[Secret]| customers.iter().fold(false, |found, known| found | known.is(key.customer));
        let (customers, age) = self.remembered();
        if age.is_some_and(|age| age < KEPT) && has(&customers) {
            return Ok(true);
        }
        if age.is_some_and(|age| age < PAUSE) {
            return Ok(false);
        }
        Ok(has(&self.ask(practice).await?))
    }

    /// What the table held, and how long ago it was asked.
    fn remembered(&self) -> (Arc<[Secret]>, Option<Duration>) {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (Arc::clone(&known.customers), known.asked.map(|asked| asked.elapsed()))
    }

    async fn ask(&self, practice: &Practice) -> Result<Arc<[Secret]>, Refusal> {
        let connected = practice.get().ok_or(Refusal::NotConnected)?;
        let asked = Instant::now();
        let keys = connected.database.customer_keys().await?;
        let customers: Arc<[Secret]> = keys.iter().map(|key| Secret::of(key.expose_secret())).collect();
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        (known.customers, known.asked) = (Arc::clone(&customers), Some(asked));
        Ok(customers)
    }

    /// Tells of a wrong key, so that guessing does not go unseen.
    fn tell(&self, peer: Option<Peer>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
            known.told = Some(Instant::now());
            let from = peer.map(|Peer(address)| address.ip().to_string());
            tracing::warn!(from, "a request to the API came without a key that is known here; told once a minute");
        }
    }
}

/// The key in the headers, if there is exactly one and it has two halves.
fn presented(headers: &HeaderMap) -> Option<Presented<'_>> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let (scheme, key) = value.to_str().ok()?.split_once(' ')?;
    let (developer, customer) = key.trim().split_once('/')?;
    let whole = scheme.eq_ignore_ascii_case("ODFHIR") && !developer.is_empty() && !customer.is_empty();
    whole.then_some(Presented { developer, customer })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn headers(authorization: &str) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())])
    }

    /// 200 for a good key.
    async fn status(keys: &ApiKeys, headers: &HeaderMap) -> u16 {
        match keys.caller(headers, None, &Practice::new()).await {
            Ok(_) => 200,
            Err(Refusal::Unauthorized) => 401,
            Err(Refusal::NotConnected) => 503,
            Err(other) => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn keys_of_the_configuration_are_good_as_they_are_listed() {
        let keys = ApiKeys::new(&["NFF6i0KrXrxDkZHt/VzkmZEaUWOjnQX2z".into(), "Customer2Customer".into()]);
        for good in [
            "ODFHIR NFF6i0KrXrxDkZHt/VzkmZEaUWOjnQX2z",
            "odfhir  NFF6i0KrXrxDkZHt/VzkmZEaUWOjnQX2z",
            "ODFHIR any/Customer2Customer",
        ] {
            assert_eq!(status(&keys, &headers(good)).await, 200, "{good}");
        }
        for wrong in [
            "",
            "ODFHIR",
            "ODFHIR ",
            "ODFHIR /",
            "ODFHIR /VzkmZEaUWOjnQX2z",
            "ODFHIR NFF6i0KrXrxDkZHt/",
            "ODFHIR VzkmZEaUWOjnQX2z",
            "ODFHIR other/VzkmZEaUWOjnQX2z",
            "Bearer NFF6i0KrXrxDkZHt/VzkmZEaUWOjnQX2z",
            "NFF6i0KrXrxDkZHt/VzkmZEaUWOjnQX2z",
        ] {
            assert_eq!(status(&keys, &headers(wrong)).await, 401, "{wrong}");
        }
        // Whether the table has it cannot be known yet.
        assert_eq!(status(&keys, &headers("ODFHIR NFF6i0KrXrxDkZHt/vzkmzeauwojnqx2z")).await, 503);
        let mut two = headers("ODFHIR any/Customer2Customer");
        two.append(AUTHORIZATION, "ODFHIR any/Customer2Customer".parse().unwrap());
        assert_eq!(status(&keys, &two).await, 401, "two keys");
        assert_eq!(status(&keys, &HeaderMap::new()).await, 401);
    }
}
