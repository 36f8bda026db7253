//! Edits of subscriptions that people ask for, by the API or on the command line: the rules of Open Dental's API over
//! the rows of the practice.

use crate::{
    delivery::Guard,
    opendental::{FieldRefused, Subscription, SubscriptionFields, WatchTables},
    source::{ColumnValue, Database, DatabaseError, Misfit, SubscriptionEdit, TextRow},
};

/// Columns and what they are to hold.
type Values = Vec<(&'static str, ColumnValue)>;

/// Why an edit was not made. Nothing was written then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EditError {
    /// Fields are not as they must be.
    #[error("{}.", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(". "))]
    Refused(Vec<FieldRefused>),
    /// There is one that sends the same already.
    #[error(
        "Subscription {0} has the same EndPointUrl, Workstation, WatchTable and UiEventType already; change or delete \
         that one."
    )]
    Repeated(i64),
    /// There is no such subscription, or it is somebody else's.
    #[error("Subscription not found.")]
    NotFound,
    /// The server cannot be asked, or refuses.
    #[error(transparent)]
    Database(#[from] DatabaseError),
}

/// Adds a subscription for `customer_key`; returns its row.
pub(crate) async fn add(
    database: &Database,
    tables: &WatchTables,
    guard: &Guard,
    customer_key: &str,
    fields: &SubscriptionFields,
) -> Result<TextRow, EditError> {
    let denied = denied(guard, fields).await;
    let mut edit = database.edit_subscriptions().await?;
    let added = match addition(&mut edit, tables, customer_key, fields).await {
        Ok(_) if denied.is_some() => Err(EditError::Refused(denied.into_iter().collect())),
        added => added,
    };
    match added {
        Ok(values) => Ok(edit.insert(&values).await?),
        Err(error) => refuse(edit, error).await,
    }
}

/// Changes the fields of subscription `num` that are given; returns its row. With an `owner`, only one of that customer
/// key. An EndPointUrl that stays as it is may be any.
pub(crate) async fn change(
    database: &Database,
    guard: &Guard,
    num: i64,
    owner: Option<&str>,
    fields: &SubscriptionFields,
) -> Result<TextRow, EditError> {
    let denied = denied(guard, fields).await;
    let mut edit = database.edit_subscriptions().await?;
    let altered = match alteration(&mut edit, num, owner, fields).await {
        Ok(values) if denied.is_some() && values.iter().any(|(column, _)| *column == "EndPointUrl") => {
            Err(EditError::Refused(denied.into_iter().collect()))
        }
        altered => altered,
    };
    match altered {
        Ok(values) => edit.update(num, &values).await?.ok_or(EditError::NotFound),
        Err(error) => refuse(edit, error).await,
    }
}

/// Deletes subscription `num`; with an `owner`, only one of that customer key.
pub(crate) async fn remove(database: &Database, num: i64, owner: Option<&str>) -> Result<(), EditError> {
    let edit = database.edit_subscriptions().await?;
    if let Err(error) = find(&edit, num, owner) {
        return refuse(edit, error).await;
    }
    if edit.delete(num).await? { Ok(()) } else { Err(EditError::NotFound) }
}

/// Why no event may go to the EndPointUrl that is asked for, where its look alone tells. What its host's addresses tell
/// is looked at with each attempt.
async fn denied(guard: &Guard, fields: &SubscriptionFields) -> Option<FieldRefused> {
    let denied = guard.denied(fields.end_point_url.as_deref()?).await?;
    Some(FieldRefused::new("EndPointUrl", format!("is where no event may go: {denied}")))
}

async fn refuse<T>(edit: SubscriptionEdit<'_>, error: EditError) -> Result<T, EditError> {
    edit.give_up().await?;
    Err(error)
}

/// What a new row is to hold.
async fn addition(
    edit: &mut SubscriptionEdit<'_>,
    tables: &WatchTables,
    customer_key: &str,
    fields: &SubscriptionFields,
) -> Result<Values, EditError> {
    let made = fields.create(customer_key, tables, edit.now()).map_err(EditError::Refused)?;
    let values = columns(&made);
    fits(edit, &values).await?;
    match repeated(edit, &made) {
        Some(other) => Err(EditError::Repeated(other)),
        None => Ok(values),
    }
}

/// What a row is to hold instead.
async fn alteration(
    edit: &mut SubscriptionEdit<'_>,
    num: i64,
    owner: Option<&str>,
    fields: &SubscriptionFields,
) -> Result<Values, EditError> {
    let before = find(edit, num, owner)?;
    let changed = fields.change(&before).map_err(EditError::Refused)?;
    let old = columns(&before);
    // What is not asked for stays as it is by then: DateTimeStart moves all the time.
    let values: Values = columns(&changed).into_iter().filter(|value| !old.contains(value)).collect();
    fits(edit, &values).await?;
    let repeated = |subscription: &Subscription| match subscription.is_expired(edit.now()) {
        true => None,
        false => repeated(edit, subscription),
    };
    // Two that were the same before may be edited in all that leaves them so.
    match (repeated(&before), repeated(&changed)) {
        (None, Some(other)) => Err(EditError::Repeated(other)),
        _ => Ok(values),
    }
}

fn find(edit: &SubscriptionEdit<'_>, num: i64, owner: Option<&str>) -> Result<Subscription, EditError> {
    let mut found = subscriptions(edit).filter(|found| found.num == num);
    // Keys are compared here: to the server's collation, a and A may be equal.
    found.find(|found| owner.is_none_or(|owner| found.customer_key == owner)).ok_or(EditError::NotFound)
}

/// The subscription that sends already what this one is to send.
fn repeated(edit: &SubscriptionEdit<'_>, subscription: &Subscription) -> Option<i64> {
    let mut others = subscriptions(edit).filter(|other| other.num != subscription.num);
    others.find(|other| subscription.repeats(other, edit.now())).map(|other| other.num)
}

/// Rows that hold what their columns cannot have are nobody's subscriptions; the bridge names them in its log.
fn subscriptions(edit: &SubscriptionEdit<'_>) -> impl Iterator<Item = Subscription> {
    edit.rows().iter().filter_map(|row| Subscription::from_row(row).ok())
}

async fn fits(edit: &mut SubscriptionEdit<'_>, values: &[(&'static str, ColumnValue)]) -> Result<(), EditError> {
    let refused = |misfit| match misfit {
        Misfit::TooLong { column, most } => FieldRefused::new(column, format!("must have at most {most} characters")),
        Misfit::Unencodable { column, charset } => {
            FieldRefused::new(column, format!("has characters that the practice's table cannot hold ({charset})"))
        }
    };
    let refused: Vec<FieldRefused> = edit.misfits(values).await?.into_iter().map(refused).collect();
    if refused.is_empty() { Ok(()) } else { Err(EditError::Refused(refused)) }
}

/// All columns but the key.
fn columns(subscription: &Subscription) -> Values {
    let text = |text: &str| ColumnValue::Text(text.to_owned());
    vec![
        ("EndPointUrl", text(&subscription.end_point_url)),
        ("Workstation", text(&subscription.workstation)),
        ("CustomerKey", text(&subscription.customer_key)),
        ("WatchTable", text(&subscription.watch_table)),
        ("PollingSeconds", ColumnValue::Number(subscription.polling_seconds)),
        ("UiEventType", text(&subscription.ui_event_type)),
        ("DateTimeStart", text(&subscription.date_time_start)),
        ("DateTimeStop", text(&subscription.date_time_stop)),
        ("Note", text(&subscription.note)),
    ]
}
