#![allow(clippy::unwrap_used)]

use super::*;
use crate::opendental::sample::{SampleRow, text};

fn upsert(lookups: &mut Lookups, table: LookupTable, values: &[(&str, &str)]) -> LookupChange {
    let row = SampleRow::typed(table.table(), values);
    let mut twin = Lookups::default();
    let change = lookups.upsert(table, &row).unwrap();
    // As text it is the same row.
    twin.upsert(table, &row).unwrap();
    assert!(!twin.upsert(table, &row.to_text()).unwrap().changed());
    change
}

fn operatories(lookups: &Lookups, schedule: i64) -> Vec<i64> {
    lookups.operatories(schedule).collect()
}

#[test]
fn w8_a_renamed_row_makes_stale_what_shows_it() {
    let mut lookups = Lookups::new();
    let name = [("ProvNum", "1"), ("Abbr", "DOC1"), ("LName", "Albert")];
    let change = upsert(&mut lookups, LookupTable::Provider, &name);
    assert_eq!(change.stale, [Shown::Provider]);
    assert_eq!(lookups.provider(1), "DOC1");
    // Another column of the same row is nothing that events show.
    let other = [("ProvNum", "1"), ("Abbr", "DOC1"), ("LName", "Bently")];
    assert!(!upsert(&mut lookups, LookupTable::Provider, &other).changed());
    assert!(upsert(&mut lookups, LookupTable::Provider, &[("ProvNum", "1"), ("Abbr", "DOC2")]).changed());
    assert_eq!(lookups.provider(1), "DOC2");
    assert!(lookups.remove(LookupTable::Provider, &RowKey::Int(1)).changed());
    assert!(!lookups.remove(LookupTable::Provider, &RowKey::Int(1)).changed());
    assert_eq!(lookups.provider(1), "");
}

#[test]
fn definitions_count_in_their_category_only() {
    let mut lookups = Lookups::new();
    let confirmed = [("DefNum", "19"), ("Category", "2"), ("ItemName", "Not Called"), ("IsHidden", "1")];
    let change = upsert(&mut lookups, LookupTable::Definition, &confirmed);
    assert_eq!(change.stale, [Shown::Definition(DefinitionCategory::ApptConfirmed)]);
    assert_eq!(lookups.definition(DefinitionCategory::ApptConfirmed, 19), "Not Called");
    assert_eq!(lookups.definition(DefinitionCategory::BillingTypes, 19), "");
    assert_eq!(lookups.definition(DefinitionCategory::ApptConfirmed, 0), "");
    // A category that no event shows is not even kept.
    let color = [("DefNum", "20"), ("Category", "17"), ("ItemName", "Red")];
    assert!(!upsert(&mut lookups, LookupTable::Definition, &color).changed());
    let moved = [("DefNum", "19"), ("Category", "4"), ("ItemName", "Not Called")];
    assert_eq!(
        upsert(&mut lookups, LookupTable::Definition, &moved).stale,
        [DefinitionCategory::ApptConfirmed, DefinitionCategory::BillingTypes].map(Shown::Definition),
        "both categories are concerned"
    );
    let gone = [("DefNum", "19"), ("Category", "17"), ("ItemName", "Not Called")];
    assert_eq!(
        upsert(&mut lookups, LookupTable::Definition, &gone).stale,
        [Shown::Definition(DefinitionCategory::BillingTypes)]
    );
    assert_eq!(lookups.definition(DefinitionCategory::BillingTypes, 19), "");
}

#[test]
fn operatories_follow_a_row_to_another_schedule() {
    let mut lookups = Lookups::new();
    let row = |num: &'static str, schedule: &'static str, operatory: &'static str| {
        [("ScheduleOpNum", num), ("ScheduleNum", schedule), ("OperatoryNum", operatory)]
    };
    for (num, operatory) in [("11", "3"), ("10", "7"), ("12", "1")] {
        let change = upsert(&mut lookups, LookupTable::ScheduleOp, &row(num, "100", operatory));
        assert_eq!(change, LookupChange { stale: vec![Shown::Operatories], schedules: vec![100] });
    }
    assert_eq!(operatories(&lookups, 100), [7, 3, 1], "in the order of their keys");
    assert!(!upsert(&mut lookups, LookupTable::ScheduleOp, &row("11", "100", "3")).changed());
    let moved = upsert(&mut lookups, LookupTable::ScheduleOp, &row("11", "101", "3"));
    assert_eq!(moved.schedules, [100, 101]);
    assert_eq!((operatories(&lookups, 100), operatories(&lookups, 101)), (vec![7, 1], vec![3]));
    // A deletion may tell no more than the key.
    assert_eq!(lookups.remove(LookupTable::ScheduleOp, &RowKey::Int(10)).schedules, [100]);
    assert_eq!(operatories(&lookups, 100), [1]);
    assert_eq!(lookups.schedules_that_differ(&Lookups::new()), [100, 101]);
    assert_eq!(Lookups::new().schedules_that_differ(&lookups), [100, 101]);
    assert_eq!(lookups.schedules_that_differ(&lookups), [0; 0]);
}

#[test]
fn r6_a_column_that_an_image_lacks_keeps_its_value() {
    let mut lookups = Lookups::new();
    upsert(&mut lookups, LookupTable::Site, &[("SiteNum", "9"), ("Description", "Oak School")]);
    let row = SampleRow::typed("site", &[("SiteNum", "9")]).with("Description", Field::Absent);
    assert!(!lookups.upsert(LookupTable::Site, &row).unwrap().changed());
    assert_eq!(lookups.site(9), "Oak School");
    let row = SampleRow::typed("definition", &[("DefNum", "1"), ("Category", "25"), ("ItemName", "Lunch")]);
    lookups.upsert(LookupTable::Definition, &row).unwrap();
    let row = row.with("Category", Field::Absent).with("ItemName", text("Dinner"));
    assert_eq!(
        lookups.upsert(LookupTable::Definition, &row).unwrap().stale,
        [Shown::Definition(DefinitionCategory::BlockoutTypes)]
    );
    assert_eq!(lookups.definition(DefinitionCategory::BlockoutTypes, 1), "Dinner");
}

#[test]
fn d4_an_error_changes_nothing_and_shows_no_value() {
    let mut lookups = Lookups::new();
    upsert(&mut lookups, LookupTable::Definition, &[("DefNum", "1"), ("Category", "4"), ("ItemName", "Standard")]);
    let row = SampleRow::typed("definition", &[("DefNum", "1")]).with("Category", text("secret"));
    let error = lookups.upsert(LookupTable::Definition, &row).unwrap_err();
    assert!(error.to_string().starts_with("definition.Category:") && !error.to_string().contains("secret"));
    assert_eq!(lookups.definition(DefinitionCategory::BillingTypes, 1), "Standard");
    let row = SampleRow::typed("clinic", &[]).with("ClinicNum", Field::Absent);
    let missing = RenderError::Missing { table: "clinic".into(), column: "ClinicNum".into() };
    assert_eq!(lookups.upsert(LookupTable::Clinic, &row), Err(missing));
}

#[test]
fn r6_an_update_that_holds_too_little_to_know_the_row_says_so() {
    let mut lookups = Lookups::new();
    let row = SampleRow::typed("scheduleop", &[("OperatoryNum", "5")])
        .with("ScheduleOpNum", Field::Absent)
        .with("ScheduleNum", Field::Absent);
    assert_eq!(lookups.update(LookupTable::ScheduleOp, &RowKey::Int(1), &row), Ok(None));
    upsert(&mut lookups, LookupTable::ScheduleOp, &[("ScheduleOpNum", "1"), ("ScheduleNum", "9")]);
    assert_eq!(lookups.update(LookupTable::ScheduleOp, &RowKey::Int(1), &row).unwrap().unwrap().schedules, [9]);
    assert_eq!(operatories(&lookups, 9), [5]);
    // A definition that is not kept: its name alone tells nothing, a new category that is shown needs the name.
    let row = SampleRow::typed("definition", &[("ItemName", "Lunch")]).with("DefNum", Field::Absent);
    let name = row.clone().with("Category", Field::Absent);
    assert_eq!(lookups.update(LookupTable::Definition, &RowKey::Int(1), &name), Ok(Some(LookupChange::default())));
    let category = row.with("ItemName", Field::Absent).with("Category", Field::Int(25));
    assert_eq!(lookups.update(LookupTable::Definition, &RowKey::Int(1), &category), Ok(None));
}
