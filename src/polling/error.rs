//! Why polling stops.

use crate::{
    check::Unfit, config::ConfigError, configured_tables::TablesError, delivery::DeliveryError, http::HttpError,
    opendental::RenderError, source::DatabaseError,
};

/// An error that ends `run`. Whatever waiting can mend never gets here.
#[derive(Debug, thiserror::Error)]
pub enum PollingError {
    /// The server or the account.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// The settings of `[delivery]`.
    #[error(transparent)]
    Delivery(#[from] DeliveryError),
    /// The settings of `[http]`.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// `opendental.tables` names what cannot be watched.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The server is a replica.
    #[error(transparent)]
    Unfit(#[from] Unfit),
}

impl PollingError {
    /// Whether the configuration is to be changed. Transparent errors hide themselves from the chain of sources.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Config(_) | Self::Database(DatabaseError::Configuration { .. }) => true,
            Self::Delivery(error) => matches!(error, DeliveryError::Secret { .. } | DeliveryError::Workstation),
            Self::Database(_) | Self::Http(_) | Self::Unfit(_) => false,
        }
    }
}

impl From<TablesError> for PollingError {
    fn from(error: TablesError) -> Self {
        match error {
            TablesError::Config(error) => Self::Config(error),
            TablesError::Database(error) => Self::Database(error),
        }
    }
}

/// Why a subscription was not served this time.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    /// The server.
    #[error(transparent)]
    Database(#[from] DatabaseError),
    /// A row does not have the shape that Open Dental's tables have.
    #[error(transparent)]
    Render(#[from] RenderError),
    /// The endpoint.
    #[error("the event was not accepted: {0}")]
    Refused(String),
}
