//! Wall and CPU time, several times over.

use std::time::Instant;

use opendental_cdc::sandbox::Server;

/// What one run took.
#[derive(Clone, Copy, Debug, Default)]
pub struct Cost {
    /// Seconds that passed.
    pub wall: f64,
    /// CPU seconds of this process and of the programs that it ran to their end.
    pub user: f64,
    pub system: f64,
    /// CPU seconds of the server that sent.
    pub server: f64,
}

impl Cost {
    pub fn cpu(&self) -> f64 {
        self.user + self.system
    }

    /// What is left when `other`, a part of it, is taken away.
    pub fn without(self, other: Self) -> Self {
        Self {
            wall: self.wall - other.wall,
            user: self.user - other.user,
            system: self.system - other.system,
            server: self.server - other.server,
        }
    }
}

/// Takes the time of one run.
pub struct Timer {
    began: Instant,
    own: [f64; 2],
    server: Option<(String, f64)>,
}

impl Timer {
    /// Starts; `server`: whose CPU time is of interest, too.
    pub async fn start(server: Option<&Server>) -> Self {
        let mut watched = None;
        if let Some(server) = server
            && let Ok(Some(file)) = server.value("SELECT @@pid_file").await
            && let Ok(pid) = std::fs::read_to_string(file)
        {
            let pid = pid.trim().to_owned();
            watched = Some((pid.clone(), cpu(&pid)[..2].iter().sum()));
        }
        Self { own: own(), server: watched, began: Instant::now() }
    }

    pub fn stop(self) -> Cost {
        let wall = self.began.elapsed().as_secs_f64();
        let own = own();
        let server = self.server.map_or(f64::NAN, |(pid, before)| cpu(&pid)[..2].iter().sum::<f64>() - before);
        Cost { wall, user: own[0] - self.own[0], system: own[1] - self.own[1], server }
    }
}

/// User and system time of this process and of its children that have ended.
fn own() -> [f64; 2] {
    let [user, system, children_user, children_system] = cpu("self");
    [user + children_user, system + children_system]
}

/// utime, stime, cutime and cstime of a process, in seconds (proc_pid_stat(5)).
#[cfg(target_os = "linux")]
fn cpu(pid: &str) -> [f64; 4] {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    [11, 12, 13, 14].map(|field| fields[field].parse::<f64>().unwrap() / 100.0)
}

/// Not known here.
#[cfg(not(target_os = "linux"))]
fn cpu(_pid: &str) -> [f64; 4] {
    [f64::NAN; 4]
}

/// The median of the wall times, and the CPU times of the run that took least of them: whatever else the machine does
/// adds to both, but to the least CPU time the least.
pub fn summary(costs: &[Cost]) -> Cost {
    let mut walls: Vec<f64> = costs.iter().map(|cost| cost.wall).collect();
    walls.sort_by(f64::total_cmp);
    let least = costs.iter().min_by(|one, other| one.cpu().total_cmp(&other.cpu())).copied().unwrap_or_default();
    Cost { wall: walls.get(walls.len() / 2).copied().unwrap_or(f64::NAN), ..least }
}

/// A number from the environment.
pub fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name} is no number: {text}")))
}
