//! `docs/coverage.md`: what tests have seen is compared with it, or written into it where `CDC_WRITE_COVERAGE` is set.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    sync::{Mutex, PoisonError},
};

use opendental_cdc::binlog::{EVENT_TYPES, Flavor, FormatDescription, Handling};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/coverage.md");

/// Tests of one program run side by side.
static WRITING: Mutex<()> = Mutex::new(());

/// Type codes by the version of the server that wrote them.
pub type Versions = BTreeMap<String, BTreeSet<u8>>;

const HEADINGS: [&str; 2] = ["From servers", "In files"];

/// The tables, by their headings.
struct Page(BTreeMap<&'static str, Versions>);

/// The server's kind and the first two numbers of its version, as the log's files say it.
pub fn version(format: &FormatDescription) -> String {
    let kind = match format.flavor {
        Flavor::Mysql => "MySQL",
        Flavor::Mariadb => "MariaDB",
    };
    let numbers: Vec<&str> = format.server_version.split(['.', '-']).take(2).collect();
    format!("{kind} {}", numbers.join("."))
}

/// Asserts that the table under `heading` says of this version what was seen of it.
pub fn agree(heading: &str, version: &str, seen: &BTreeSet<u8>) {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut page = Page::read();
    let versions = page.0.get_mut(heading).unwrap();
    if std::env::var_os("CDC_WRITE_COVERAGE").is_some() {
        versions.insert(version.to_owned(), seen.clone());
        fs::write(PATH, page.text()).unwrap();
        return;
    }
    let said = versions.get(version).unwrap_or_else(|| panic!("docs/coverage.md does not know {version}"));
    assert_eq!(said, seen, "docs/coverage.md and what was seen of {version}; CDC_WRITE_COVERAGE=1 writes it anew");
}

impl Page {
    fn read() -> Self {
        let text = fs::read_to_string(PATH).unwrap_or_default();
        let table = |heading: &str| {
            let rows = text.split("\n## ").find(|section| section.starts_with(heading)).unwrap_or_default();
            let mut rows = rows.lines().filter_map(|line| line.strip_prefix("| ")).map(|line| line.split(" | "));
            let titles: Vec<&str> = rows.next().into_iter().flatten().skip(2).collect();
            let mut versions: Versions =
                titles.iter().map(|title| (title.trim_end_matches(" |").to_owned(), BTreeSet::new())).collect();
            for mut row in rows {
                let Some(Ok(code)) = row.next().map(str::parse) else { continue };
                for (title, cell) in titles.iter().zip(row.skip(1)) {
                    if cell.contains('●') {
                        versions.get_mut(title.trim_end_matches(" |")).unwrap().insert(code);
                    }
                }
            }
            versions
        };
        Self(HEADINGS.into_iter().map(|heading| (heading, table(heading))).collect())
    }

    fn text(&self) -> String {
        let mut text = "# Event types of the binary log\n\n\
            The tests compare this page with the events that they read, and write it:\n\
            `CDC_WRITE_COVERAGE=1 cargo test --test reader --test binlog coverage`. A ● stands for events of that type that\n\
            were read, from that version. No mark: the version does not have the type, or no test made it write one. A\n\
            type that is not listed is refused, unless its event is flagged as one that may be ignored.\n"
            .to_owned();
        for heading in HEADINGS {
            table(&mut text, heading, &self.0[heading]);
        }
        text +=
            "\n## Skipped\n\nReviewed, and passed over: they carry no rows and say nothing that the bridge needs.\n\n";
        list(&mut text, |handling| if let Handling::Skipped { reason } = handling { Some(reason) } else { None });
        text += "\n## Refused\n\nThey may carry rows, and no release that is supported writes them. Reading stops at one with an error.\n\n";
        list(&mut text, |handling| if let Handling::Refused { reason } = handling { Some(reason) } else { None });
        text
    }
}

fn table(text: &mut String, heading: &str, versions: &Versions) {
    let mut versions: Vec<_> = versions.iter().collect();
    versions.sort_by_key(|(version, _)| {
        version.split([' ', '.']).map(|part| (part.parse().unwrap_or(0), part)).collect::<Vec<(u32, _)>>()
    });
    write!(text, "\n## {heading}\n\n| Type | Event |").unwrap();
    versions.iter().for_each(|(version, _)| write!(text, " {version} |").unwrap());
    write!(text, "\n|{}\n", "---|".repeat(2 + versions.len())).unwrap();
    let listed = EVENT_TYPES.iter().filter(|kind| !matches!(kind.handling, Handling::Refused { .. }));
    let mut rows: BTreeMap<u8, &str> = listed.map(|kind| (kind.code, kind.name)).collect();
    for code in versions.iter().flat_map(|(_, seen)| seen.iter()) {
        rows.entry(*code).or_insert("not known, and flagged as one that may be ignored");
    }
    for (code, name) in rows {
        write!(text, "| {code} | {name} |").unwrap();
        let mark = |seen: &BTreeSet<u8>| if seen.contains(&code) { '●' } else { ' ' };
        versions.iter().for_each(|(_, seen)| write!(text, " {} |", mark(seen)).unwrap());
        text.push('\n');
    }
}

fn list(text: &mut String, reason: impl Fn(Handling) -> Option<&'static str>) {
    *text += "| Type | Event | Why |\n|---|---|---|\n";
    for kind in EVENT_TYPES {
        if let Some(reason) = reason(kind.handling) {
            writeln!(text, "| {} | {} | {reason} |", kind.code, kind.name).unwrap();
        }
    }
}

#[test]
fn r4_coverage_names_every_type_and_what_is_done_with_it() {
    let _writing = WRITING.lock().unwrap_or_else(PoisonError::into_inner);
    let text = Page::read().text();
    if std::env::var_os("CDC_WRITE_COVERAGE").is_some() {
        fs::write(PATH, &text).unwrap();
    }
    assert_eq!(fs::read_to_string(PATH).unwrap(), text, "CDC_WRITE_COVERAGE=1 writes it anew");
}
