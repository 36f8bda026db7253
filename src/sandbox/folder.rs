//! The temporary folder of a private server, and the cache of things that take long to make.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use super::SandboxError;

/// All our folders begin so, which is how those of dead processes are found.
const PREFIX: &str = "opendental-cdc-sandbox-";

/// A socket's path has at most 107 bytes on Linux and 103 on macOS (unix(7)); the folder's must leave room for its name.
const LONGEST: usize = 90;

/// A temporary folder, removed on drop. It holds a locked file for as long as its owner lives.
#[derive(Debug)]
pub(crate) struct Folder {
    folder: tempfile::TempDir,
    _lock: File,
}

impl Folder {
    /// Makes a folder, after removing those whose owners died.
    pub(crate) fn new() -> Result<Self, SandboxError> {
        let mut parent = std::env::temp_dir();
        if parent.as_os_str().len() + PREFIX.len() > LONGEST {
            parent = PathBuf::from("/tmp");
        }
        let folder = tempfile::Builder::new()
            .prefix(PREFIX)
            .tempdir_in(&parent)
            .map_err(SandboxError::io("cannot make a folder in", &parent))?;
        let early = folder.path().join("lock.new");
        let lock = File::create(&early).map_err(SandboxError::io("cannot write", &early))?;
        lock.lock().map_err(SandboxError::io("cannot lock", &early))?;
        // Only a locked file ever bears the name that `sweep` looks for.
        let late = folder.path().join("lock");
        fs::rename(&early, &late).map_err(SandboxError::io("cannot rename", &early))?;
        sweep(&parent, folder.path());
        Ok(Self { folder, _lock: lock })
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }
}

/// Removes the folders whose owners died. Whatever cannot be removed is left for somebody who may.
fn sweep(parent: &Path, ours: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let path = entry.path();
        let named = entry.file_name().to_string_lossy().starts_with(PREFIX);
        if named && path != ours && entry.file_type().is_ok_and(|t| t.is_dir()) && same_owner(&path, ours) {
            let free = File::open(path.join("lock")).is_ok_and(|lock| lock.try_lock().is_ok());
            if free && let Err(error) = fs::remove_dir_all(&path) {
                tracing::debug!(path = %path.display(), %error, "a dead sandbox's folder stays");
            }
        }
    }
}

#[cfg(unix)]
fn same_owner(a: &Path, b: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let owner = |path: &Path| fs::symlink_metadata(path).map(|m| m.uid()).ok();
    owner(a).is_some() && owner(a) == owner(b)
}

#[cfg(not(unix))]
fn same_owner(_: &Path, _: &Path) -> bool {
    true
}

/// Where servers and initialised data folders are kept between runs: `$CDC_TEST_SERVERS`, else the project's
/// `target/servers` when cargo runs us, else nowhere.
pub(crate) fn cache() -> Option<PathBuf> {
    if let Some(set) = std::env::var_os("CDC_TEST_SERVERS").filter(|set| !set.is_empty()) {
        return Some(PathBuf::from(set));
    }
    std::env::var_os("CARGO_MANIFEST_DIR").map(|project| Path::new(&project).join("target").join("servers"))
}

/// Copies a folder with everything in it; `to` must not exist.
pub(crate) fn copy(from: &Path, to: &Path) -> Result<(), SandboxError> {
    fs::create_dir(to).map_err(SandboxError::io("cannot make the folder", to))?;
    for entry in fs::read_dir(from).map_err(SandboxError::io("cannot read", from))? {
        let entry = entry.map_err(SandboxError::io("cannot read", from))?;
        let target = to.join(entry.file_name());
        if entry.file_type().map_err(SandboxError::io("cannot read", entry.path()))?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target).map_err(SandboxError::io("cannot copy", entry.path()))?;
        }
    }
    Ok(())
}

/// Makes the data folder `to` as a copy of the cached one named `name`, made by `make` where there is none yet.
pub(crate) fn from_template(
    name: &str,
    to: &Path,
    make: impl Fn(&Path) -> Result<(), SandboxError>,
) -> Result<(), SandboxError> {
    let Some(cache) = cache() else { return make(to) };
    let template = cache.join(name);
    if !template.is_dir() {
        fs::create_dir_all(&cache).map_err(SandboxError::io("cannot make the folder", &cache))?;
        let fresh = tempfile::Builder::new()
            .prefix("making-")
            .tempdir_in(&cache)
            .map_err(SandboxError::io("cannot make a folder in", &cache))?;
        let data = fresh.path().join("data");
        make(&data)?;
        // Somebody else may have been faster; one is as good as the other.
        if let Err(source) = fs::rename(&data, &template)
            && !template.is_dir()
        {
            return Err(SandboxError::Io { what: "cannot make the folder", path: template, source });
        }
    }
    copy(&template, to)
}

/// Where a program is: in PATH, or else in one of `places`.
pub(crate) fn find_program(name: &str, places: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let places = places.iter().map(PathBuf::from);
    std::env::split_paths(&path).chain(places).map(|place| place.join(name)).find(|candidate| candidate.is_file())
}

/// The servers run as root only when told so: needed where the folder's owner, who is us, is root.
#[cfg(unix)]
pub(crate) fn user_argument(folder: &Path) -> Option<String> {
    use std::os::unix::fs::MetadataExt;
    fs::metadata(folder).is_ok_and(|about| about.uid() == 0).then(|| "--user=root".to_owned())
}

#[cfg(not(unix))]
pub(crate) fn user_argument(_: &Path) -> Option<String> {
    None
}

/// Temporary files of its own: a starting MariaDB removes those that it finds, and they may be another server's.
pub(crate) fn tmpdir(folder: &Path) -> Result<String, SandboxError> {
    let path = folder.join("tmp");
    fs::create_dir_all(&path).map_err(SandboxError::io("cannot make the folder", &path))?;
    Ok(format!("--tmpdir={}", path.display()))
}

/// The last lines of a text, for an error message.
pub(crate) fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(15)..).unwrap_or_default().join("\n")
}
