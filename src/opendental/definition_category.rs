//! The categories of table `definition` whose names appear in events.

/// A `definition.Category` (Open Dental's enum DefCat) that an event's JSON shows the `ItemName` of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DefinitionCategory {
    /// 2: an appointment's confirmation status.
    ApptConfirmed,
    /// 4: a patient's billing type.
    BillingTypes,
    /// 13: the status of an unscheduled appointment or a recall.
    RecallUnschedStatus,
    /// 25: the kind of a blockout in the schedule.
    BlockoutTypes,
    /// 55: the kind of an operatory (24.1).
    OperatoryTypes,
}

impl DefinitionCategory {
    const ALL: [Self; 5] =
        [Self::ApptConfirmed, Self::BillingTypes, Self::RecallUnschedStatus, Self::BlockoutTypes, Self::OperatoryTypes];

    /// The number in `definition.Category`.
    pub fn number(self) -> i64 {
        match self {
            Self::ApptConfirmed => 2,
            Self::BillingTypes => 4,
            Self::RecallUnschedStatus => 13,
            Self::BlockoutTypes => 25,
            Self::OperatoryTypes => 55,
        }
    }

    /// The category with this number, if events show names of it.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|category| category.number() == number)
    }
}
