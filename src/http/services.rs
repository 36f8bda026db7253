//! What the routes answer from.

use std::{path::Path, sync::Arc};

use super::{admin::Admin, api_keys::ApiKeys, caller::OwnNames, practice::Practice};
use crate::{
    config::{Config, UiEventCallers},
    delivery::Guard,
    status::Board,
};

/// Everything that a route may need; cheap to clone, clones share it.
#[derive(Clone)]
pub struct Services {
    pub(super) board: Board,
    pub(super) practice: Practice,
    pub(super) admin: Admin,
    pub(super) names: OwnNames,
    pub(super) keys: ApiKeys,
    /// The state file whose log of deliveries is shown.
    pub(super) delivery_log: Option<Arc<Path>>,
    /// Where subscriptions may send events.
    pub(super) guard: Guard,
    /// Whose UI events are taken.
    pub(super) ui_events: UiEventCallers,
}

impl Services {
    /// The services of one bridge.
    pub fn new(config: &Config, board: Board, practice: Practice) -> Self {
        let guard = Guard::new(config);
        let config = &config.http;
        Self {
            board,
            practice,
            admin: Admin::new(&config.admin_token),
            names: OwnNames::new(&config.hosts),
            keys: ApiKeys::new(&config.api_keys),
            delivery_log: None,
            guard,
            ui_events: config.ui_events,
        }
    }

    /// Shows the log of deliveries in the state file at `path`.
    #[must_use]
    pub fn with_delivery_log(self, path: &Path) -> Self {
        Self { delivery_log: Some(path.into()), ..self }
    }
}
