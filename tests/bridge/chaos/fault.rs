//! What breaks.

/// A thing that breaks, and is mended again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fault {
    /// kill -9 of the bridge; it is started again.
    BridgeKilled,
    /// SIGTERM, and started again.
    BridgeStopped,
    /// kill -9 of the server.
    ServerKilled,
    ServerStopped,
    /// Connections to the server are cut, and new ones refused for a while.
    ConnectionsCut,
    /// They stay open, and nothing comes through.
    ConnectionsSilent,
    /// The same for those that the log is read over.
    LogCut,
    LogSilent,
    /// FLUSH BINARY LOGS.
    LogRotated,
    /// A watched table gets or loses a column while the bridge is off.
    AlteredWhileOff,
    /// The same while it reads.
    Altered,
    /// The receiver behaves badly in one of its ways.
    ReceiverMoody,
    /// Nobody listens at the endpoints' port.
    EndpointRefuses,
    /// Connections to the endpoints stay open, and nothing comes through.
    EndpointSilent,
    EndpointCut,
    /// The state file cannot grow.
    DiskFull,
    /// The server's clock is set, by up to a day.
    ClockSet,
    /// The replica that commits wait for is slow, so that they are in the log long before they are in the table.
    ReplicaSlow,
    /// The log is purged while the bridge is off.
    Purged,
    /// RESET MASTER, RESET BINARY LOGS AND GTIDS.
    Reset,
    /// Another server with the same data answers at the address.
    ServerSwitched,
    /// The server dies in order, and a replica of it, which has all that it had, answers at the address.
    ReplicaPromoted,
}

use Fault::*;

/// What happens while the log is kept; what is named more than once happens more often.
pub(super) const KEPT: [Fault; 26] = [
    BridgeKilled,
    BridgeKilled,
    BridgeKilled,
    BridgeKilled,
    BridgeKilled,
    BridgeKilled,
    BridgeKilled,
    BridgeKilled,
    BridgeStopped,
    ServerKilled,
    ServerStopped,
    ConnectionsCut,
    ConnectionsSilent,
    LogCut,
    LogSilent,
    LogRotated,
    AlteredWhileOff,
    Altered,
    ReceiverMoody,
    ReceiverMoody,
    ReceiverMoody,
    ReceiverMoody,
    EndpointRefuses,
    EndpointSilent,
    EndpointCut,
    DiskFull,
];

/// What else happens in a run whose log is lost.
pub(super) const LOST: [Fault; 6] = [Purged, Purged, Reset, Reset, ServerSwitched, ServerSwitched];
