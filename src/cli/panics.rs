//! What is said of a panic, which is a bug of ours.

use std::{
    backtrace::{Backtrace, BacktraceStatus},
    io::{self, Write as _},
    panic::{self, PanicHookInfo},
};

use tracing::{dispatcher, error};

/// From now on a panic tells where it was and nothing that was put together while running: its message may quote what
/// was being worked on, which are patients' data (rule D4). With `RUST_BACKTRACE=1` it tells the way there too.
pub(super) fn tell_without_values() {
    panic::set_hook(Box::new(tell));
}

fn tell(panicked: &PanicHookInfo<'_>) {
    let at = panicked.location().map(ToString::to_string).unwrap_or_default();
    // Only what stands in the program's text as it is.
    let said = panicked.payload().downcast_ref::<&'static str>().copied().unwrap_or("(not shown)");
    let way = Backtrace::capture();
    let way = (way.status() == BacktraceStatus::Captured).then(|| way.to_string());
    if !dispatcher::has_been_set() {
        // There is no log, and nothing more can be done where nobody reads standard error.
        let _ = writeln!(io::stderr(), "error: a part of this program failed at {at}: {said}; please report this");
        return;
    }
    error!(at, said, way, "a part of this program failed; please report this");
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::{env, process::Command};

    use super::*;

    const CHILD: &str = "CDC_TEST_PANICS";

    /// In a process of its own, since a hook is the whole process's.
    #[test]
    fn d4_a_panic_tells_where_it_was_and_nothing_that_it_worked_on() {
        if let Some(log) = env::var_os(CHILD) {
            if log == "log" {
                tracing_subscriber::fmt().with_writer(io::stderr).init();
            }
            tell_without_values();
            let name = format!("Zanzi{}", "bar");
            let _ = panic::catch_unwind(|| panic!("cannot go on with {name}"));
            let _ = panic::catch_unwind(|| name.parse::<i64>().map_err(|_| name.clone()).unwrap());
            panic!("a literal");
        }
        let test = "cli::panics::tests::d4_a_panic_tells_where_it_was_and_nothing_that_it_worked_on";
        for log in ["log", "no log"] {
            let mut child = Command::new(env::current_exe().unwrap());
            let ended = child
                .args(["--exact", test, "--nocapture"])
                .env(CHILD, log)
                .env_remove("RUST_BACKTRACE")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&ended.stderr);
            assert!(!ended.status.success() && !said.contains("Zanzibar"), "{said}");
            assert_eq!(said.matches("src/cli/panics.rs:").count(), 3, "{said}");
            assert!(said.contains("a literal") && said.contains("please report this"), "{said}");
        }
    }
}
