//! What the routes answer from.

use super::{admin::Admin, api_keys::ApiKeys, caller::OwnNames, practice::Practice};
use crate::{config::HttpConfig, status::Board};

/// Everything that a route may need; cheap to clone, clones share it.
#[derive(Clone)]
#[allow(dead_code)]
pub struct Services {
    pub(super) board: Board,
    pub(super) practice: Practice,
    pub(super) admin: Admin,
    pub(super) names: OwnNames,
    pub(super) keys: ApiKeys,
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
        }
    }
}
