//! The members of Open Dental's enums, each at the place of its number (schema documentation of 24.3).

/// ApptStatus.
pub(super) const APPT_STATUS: &[&str] =
    &["None", "Scheduled", "Complete", "UnschedList", "ASAP", "Broken", "Planned", "PtNote", "PtNoteCompleted"];

/// ApptPriority.
pub(super) const APPT_PRIORITY: &[&str] = &["Normal", "ASAP"];

/// HistAppointmentAction.
pub(super) const HIST_APPT_ACTION: &[&str] = &["Created", "Changed", "Missed", "Cancelled", "Deleted"];

/// EServiceTypes, numbered by the order of declaration.
pub(super) const E_SERVICE_TYPES: &[&str] = &[
    "None",
    "EConnector",
    "Broadcaster",
    "BroadcastMonitor",
    "ServiceMainHQ",
    "OpenDentalService",
    "OpenDentalAPIService",
];

/// PatientStatus.
pub(super) const PATIENT_STATUS: &[&str] =
    &["Patient", "NonPatient", "Inactive", "Archived", "Deleted", "Deceased", "Prospective"];

/// PatientGender.
pub(super) const PATIENT_GENDER: &[&str] = &["Male", "Female", "Unknown", "Other"];

/// PatientPosition.
pub(super) const PATIENT_POSITION: &[&str] = &["Single", "Married", "Child", "Widowed", "Divorced"];

/// ContactMethod.
pub(super) const CONTACT_METHOD: &[&str] =
    &["None", "DoNotCall", "HmPhone", "WkPhone", "WirelessPh", "Email", "SeeNotes", "Mail", "TextMessage"];

/// YN.
pub(super) const YES_NO: &[&str] = &["Unknown", "Yes", "No"];

/// ProviderStatus.
pub(super) const PROVIDER_STATUS: &[&str] = &["Active", "Deleted"];

/// ScheduleType.
pub(super) const SCHEDULE_TYPE: &[&str] = &["Practice", "Provider", "Blockout", "Employee", "WebSchedASAP"];

/// ToothInitialType.
pub(super) const TOOTH_INITIAL_TYPE: &[&str] =
    &["Missing", "Hidden", "Primary", "ShiftM", "ShiftO", "ShiftB", "Rotate", "TipM", "TipB", "Drawing", "Text"];
