//! The state file, and the room that is left for it.

use std::path::Path;

use super::{Finding, Mend, Report};
use crate::state::{SeenFile, StateError, StateSight};

const FILE: &str = "state file";
const DISK: &str = "disk";

/// Below this much is left, somebody should tidy up.
const LEAST_FREE: u64 = 200_000_000;

/// Looks at it; returns what is known of it, if it can be used.
pub(super) async fn look(path: &Path, report: &mut Report) -> Option<StateSight> {
    match StateSight::of(path).await {
        Ok(sight) => {
            report.push(file(path, &sight));
            report.push(disk(sight.free));
            Some(sight)
        }
        Err(error) => {
            report.push(refused(path, &error));
            None
        }
    }
}

fn file(path: &Path, sight: &StateSight) -> Finding {
    let path = path.display();
    let catch_up = "the bridge makes a new one and catches up by time stamp; rows deleted since then cannot be told";
    match &sight.file {
        _ if sight.in_use => Finding::ok(FILE, format!("{path}, in use: a bridge is running with it")),
        SeenFile::None => Finding::ok(FILE, format!("{path} can be made")),
        SeenFile::Ours { .. } => Finding::ok(FILE, format!("{path} is there and can be written")),
        SeenFile::Gone => Finding::warning(FILE, format!("{path} was there and is gone: {catch_up}"))
            .mend(Mend::Do("put it back, if it was moved by mistake".to_owned())),
        SeenFile::Damaged { reason } => Finding::warning(FILE, format!("{path}: {reason}: {catch_up}"))
            .mend(Mend::Do("put a good copy in its place, if there is one".to_owned())),
    }
}

fn refused(path: &Path, error: &StateError) -> Finding {
    let another = Mend::Config("state.path = \"<file of its own>\"".to_owned());
    let finding = Finding::wrong(FILE, error.to_string());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    match (error, folder) {
        (StateError::Unwritable { .. }, Some(folder)) if !folder.is_dir() => {
            finding.mend(Mend::Do(format!("make the folder {}", folder.display()))).mend(another)
        }
        _ => finding.mend(another),
    }
}

fn disk(free: u64) -> Finding {
    let found = format!("{} MB free for the state file", free / 1_000_000);
    match free < LEAST_FREE {
        true => Finding::warning(DISK, found).mend(Mend::Do("make room on that disk".to_owned())),
        false => Finding::ok(DISK, found),
    }
}
