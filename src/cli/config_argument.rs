//! `--config`, as several commands take it.

use std::path::PathBuf;

use clap::Args;

use crate::config::{Config, ConfigError};

#[derive(Args, Debug)]
pub(super) struct ConfigArgument {
    /// The configuration file (TOML). Environment variables OPENDENTAL_CDC_<SECTION>__<KEY> go over it, and it may be
    /// left out where they say everything.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl ConfigArgument {
    pub(super) fn load(&self) -> Result<Config, ConfigError> {
        Config::load(self.config.as_deref())
    }
}
