//! The program's log, as `[log]` says.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, util::SubscriberInitExt};

use super::{failure::Failure, progress_bars::Bars};
use crate::{
    config::{LogConfig, LogFormat, LogLevel},
    progress,
};

/// Starts the log; may be called once in a process.
pub(super) fn start(config: &LogConfig) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(directives(config.level))?;
    // Log lines go to standard error: standard output is for what a command prints.
    // Where nobody reads it any more, telling that would panic.
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr).log_internal_errors(false);
    match config.format {
        LogFormat::Text => lines.with_ansi(io::stderr().is_terminal()).finish().try_init()?,
        LogFormat::Json => lines.json().flatten_event(true).finish().try_init()?,
    }
    Ok(())
}

/// Starts the log of a command that draws bars, if there is a place for them: its lines come above them, and what the
/// bars show is no line.
pub(super) fn start_beside(config: &LogConfig) -> Result<Option<Bars>, Failure> {
    let Some(bars) = Bars::beside(config)? else {
        start(config)?;
        return Ok(None);
    };
    let filter = EnvFilter::try_new(format!("{},{}=off", directives(config.level), progress::LOG_TARGET))?;
    let lines = bars.lines();
    let writer = move || lines.clone();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).log_internal_errors(false);
    log.with_ansi(true).finish().try_init()?;
    Ok(Some(bars))
}

/// Starts the log for a command without a configuration: warnings, as text.
pub(super) fn start_default() -> Result<(), Failure> {
    start(&LogConfig { level: LogLevel::Warn, format: LogFormat::Text })
}

/// What is logged at `level`.
///
/// Libraries stay at `warn`, and go no further than `debug`: below that they write out what passes through them, and
/// that are row values and keys (rule D4). sqlx would log statements, slow ones even as warnings.
fn directives(level: LogLevel) -> &'static str {
    match level {
        LogLevel::Error => "error,sqlx::query=off",
        LogLevel::Warn => "warn,sqlx::query=off",
        LogLevel::Info => "warn,sqlx::query=off,opendental_cdc=info",
        LogLevel::Debug => "warn,sqlx::query=off,opendental_cdc=debug",
        LogLevel::Trace => "debug,sqlx::query=off,opendental_cdc=trace",
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What a run of every kind of event leaves in the log at `level`.
    fn logged(level: LogLevel) -> String {
        let written = Written::default();
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_env_filter(EnvFilter::try_new(directives(level)).unwrap())
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, || {
            tracing::info!("our info");
            tracing::debug!("our debug");
            tracing::trace!("our trace");
            tracing::warn!(target: "h2::codec", "library warning");
            tracing::info!(target: "h2::codec", "library info");
            tracing::debug!(target: "h2::codec", "library debug");
            tracing::trace!(target: "h2::codec", "library trace");
            tracing::warn!(target: "sqlx::query", "statement");
        });
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn d4_no_level_lets_statements_or_the_traces_of_libraries_through() {
        for level in [LogLevel::Error, LogLevel::Warn, LogLevel::Info, LogLevel::Debug, LogLevel::Trace] {
            let log = logged(level);
            assert!(!log.contains("statement") && !log.contains("library trace"), "{level:?}: {log}");
        }
        let log = logged(LogLevel::Trace);
        assert!(log.contains("our trace") && log.contains("library debug"), "{log}");
    }

    #[test]
    fn the_level_is_ours_and_libraries_only_warn() {
        let log = logged(LogLevel::Debug);
        assert!(log.contains("our debug") && !log.contains("our trace"), "{log}");
        assert!(log.contains("library warning") && !log.contains("library info"), "{log}");
        let log = logged(LogLevel::Info);
        assert!(log.contains("our info") && !log.contains("our debug"), "{log}");
    }
}
