//! What the routes answer from.

use std::{path::Path, sync::Arc};

use super::{admin::Admin, api_keys::ApiKeys, caller::OwnNames, practice::Practice};
use crate::{
    config::{HttpConfig, UiEventCallers},
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
    /// Whose UI events are taken.
    pub(super) ui_events: UiEventCallers,
}

impl Services {
    /// The services of one bridge.
    pub fn new(config: &HttpConfig, board: Board, practice: Practice) -> Self {
        Self {
            board,
            practice,
            admin: Admin::new(&config.admin_token),
            names: OwnNames::new(&config.hosts),
            keys: ApiKeys::new(&config.api_keys),
            delivery_log: None,
            ui_events: config.ui_events,
        }
    }

    /// Shows the log of deliveries in the state file at `path`.
    #[must_use]
    pub fn with_delivery_log(self, path: &Path) -> Self {
        Self { delivery_log: Some(path.into()), ..self }
    }
}
