//! Column types of each server, with values at their edges.

use opendental_cdc::sandbox::Release;

/// How a SELECT is made to show a value as text, where it does not by itself.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shown {
    /// As it is.
    Text,
    /// Bytes in hexadecimal digits.
    Hex,
    /// BIT, which it shows as bytes, and numbers with ZEROFILL.
    Number,
}

/// A column type with values, as SQL.
#[derive(Debug)]
pub struct Type {
    pub sql: String,
    pub values: Vec<String>,
    pub shown: Shown,
}

impl Type {
    fn new(sql: impl Into<String>, values: Vec<String>) -> Self {
        let sql = sql.into();
        let kind = sql.to_ascii_uppercase();
        let binary =
            ["BINARY(", "BLOB", "POINT", "GEOMETRY", "VECTOR", "SET BINARY"].iter().any(|part| kind.contains(part));
        let number = kind.starts_with("BIT") || kind.contains("ZEROFILL");
        let shown = if binary {
            Shown::Hex
        } else if number {
            Shown::Number
        } else {
            Shown::Text
        };
        Self { sql, values, shown }
    }

    fn of(sql: &str, values: &[&str]) -> Self {
        Self::new(sql, values.iter().map(|value| (*value).to_owned()).collect())
    }

    /// MySQL's JSON.
    pub fn json(documents: Vec<String>) -> Self {
        Self::new("JSON", documents)
    }

    /// MySQL's VECTOR, and text that is behind it in the list of collations.
    pub fn vectors() -> [Self; 2] {
        let vector = Self::of("VECTOR(3)", &["TO_VECTOR('[1,2,0]')", "TO_VECTOR('[-1.5]')"]);
        [vector, Self::of("VARCHAR(9) CHARACTER SET latin1", &["'é'"])]
    }

    /// The column `name` in a SELECT.
    pub fn selected(&self, name: &str) -> String {
        match self.shown {
            Shown::Text => name.to_owned(),
            Shown::Hex => format!("HEX({name})"),
            Shown::Number => format!("{name} + 0"),
        }
    }
}

/// Types of every server, and those of this one alone.
pub fn types(release: Release) -> Vec<Type> {
    let mut types = numbers();
    types.extend(decimals());
    types.extend(times());
    types.extend(texts());
    types.extend(bytes());
    if release != Release::MySql5_6 {
        types.push(Type::of("INT GENERATED ALWAYS AS (id + 1) VIRTUAL", &["DEFAULT"]));
        types.push(Type::of("VARCHAR(9) GENERATED ALWAYS AS (CONCAT(id, 'x')) STORED", &["DEFAULT"]));
        types.push(Type::of("INT INVISIBLE", &["7"]));
    }
    if release.is_mariadb() {
        types.extend(compressed());
        types.extend(addresses(release));
        types.push(Type::of("DECIMAL(65,38)", &["-1.00000000000000000000000000000000000001", "0"]));
        types.push(Type::of("JSON", &["'{\"a\":  1}'"]));
    }
    types
}

fn numbers() -> Vec<Type> {
    let mut types = Vec::new();
    for (kind, bits) in [("TINYINT", 8), ("SMALLINT", 16), ("MEDIUMINT", 24), ("INT", 32), ("BIGINT", 64)] {
        let edge = 1i128 << (bits - 1);
        types.push(Type::of(kind, &[&(-edge).to_string(), "-1", "0", "1", &(edge - 1).to_string()]));
        let unsigned = ["0", "1", &edge.to_string(), &(2 * edge - 1).to_string()];
        types.push(Type::of(&format!("{kind} UNSIGNED"), &unsigned));
        types.push(Type::of(&format!("{kind}(20) ZEROFILL"), &unsigned));
    }
    types.push(Type::of("BOOL", &["TRUE", "FALSE"]));
    types.push(Type::of("TINYINT(1) ZEROFILL", &["0", "200"]));
    types.push(Type::of("DECIMAL(9,2) ZEROFILL", &["0", "0.5", "12.25", "1234567.89"]));
    types.push(Type::of("DOUBLE(10,3)", &["1.5", "-0.0005", "1234567.891"]));
    types.push(Type::of("FLOAT(7,4)", &["1.5", "999.9999", "-0.25"]));
    types.push(Type::of("DOUBLE ZEROFILL", &["0", "1.5", "2e300"]));
    types.push(Type::of("YEAR", &["0", "1901", "2155"]));
    types.push(Type::of("BIT(1)", &["b'0'", "b'1'"]));
    types.push(Type::of("BIT(9)", &["0", "b'100000001'", "255"]));
    types.push(Type::of("BIT(63)", &["0", "9223372036854775807"]));
    types.push(Type::of("BIT(64)", &["0", "18446744073709551615", "258"]));
    types
}

/// Whole groups of nine digits and parts of them, on both sides of the point.
fn decimals() -> Vec<Type> {
    let shapes =
        [(1, 0), (1, 1), (2, 1), (9, 0), (9, 9), (10, 0), (10, 1), (18, 9), (19, 10), (30, 30), (65, 0), (65, 30)];
    let mut types = Vec::new();
    for (precision, scale) in shapes {
        let largest = format!("{}.{}", "9".repeat(precision - scale), "9".repeat(scale));
        let smallest = if scale == 0 { "1".to_owned() } else { format!("0.{}1", "0".repeat(scale - 1)) };
        let values =
            vec![largest.clone(), format!("-{largest}"), smallest.clone(), format!("-{smallest}"), "0".to_owned()];
        types.push(Type::new(format!("DECIMAL({precision},{scale})"), values));
    }
    types.push(Type::of("DECIMAL(7,2) UNSIGNED", &["0.05", "99999.99"]));
    types
}

fn times() -> Vec<Type> {
    let mut types =
        vec![Type::of("DATE", &["'0000-00-00'", "'0001-01-01'", "'2024-00-00'", "'2024-02-29'", "'9999-12-31'"])];
    for fraction in 0..=6 {
        types.extend(temporal(&format!("({fraction})")));
    }
    types.extend(temporal(""));
    types
}

/// TIME, DATETIME and TIMESTAMP with these digits of fraction.
fn temporal(fraction: &str) -> [Type; 3] {
    let times = ["'-838:59:59'", "'-00:00:00.5'", "'-01:02:03.456789'", "'00:00:00'", "'838:59:59'", "'12:34:56.789'"];
    let dates = [
        "'0000-00-00'",
        "'0001-01-01 00:00:00'",
        "'2024-00-00'",
        "'2024-02-29 12:34:56.123456'",
        "'9999-12-31 23:59:59'",
    ];
    let stamps = [
        "'0000-00-00'",
        "'1970-01-02 00:00:01'",
        "'2024-03-10 03:34:56.654321'",
        "'2024-11-03 01:30:00.5'",
        "'2038-01-18 03:14:07'",
    ];
    [
        Type::of(&format!("TIME{fraction}"), &times),
        Type::of(&format!("DATETIME{fraction}"), &dates),
        Type::of(&format!("TIMESTAMP{fraction} NULL"), &stamps),
    ]
}

/// As tables of old servers have them; MariaDB makes them with `mysql56_temporal_format=OFF`.
pub fn old_temporals() -> Vec<Type> {
    (0..=6).flat_map(|fraction| temporal(&format!("({fraction})"))).collect()
}

fn texts() -> Vec<Type> {
    vec![
        Type::of("ENUM('x','é','') CHARACTER SET latin1", &["'x'", "'é'", "''", "'no such label'"]),
        Type::of("ENUM('it''s','b\\\\c','б,x','a\\nb','q\"') CHARACTER SET cp1251", &["1", "2", "3", "4", "5"]),
        Type::of("SET('a','ü','c') CHARACTER SET utf8mb4", &["''", "'a'", "'a,ü,c'", "'c,a'"]),
        Type::of("SET('日','本') CHARACTER SET sjis", &["'日,本'", "'本'"]),
        Type::of("ENUM('a','b') CHARACTER SET binary", &["'b'"]),
        Type::of("SET('a','b','c') CHARACTER SET binary", &["'a,c'", "''"]),
        Type::of("CHAR(5) CHARACTER SET utf8mb4", &["''", "'a  '", "'😀é'"]),
        Type::of("CHAR(255) CHARACTER SET utf8mb4", &["REPEAT('😀', 255)", "'x'"]),
        Type::of("CHAR(0)", &["''"]),
        Type::of(
            "VARCHAR(300) CHARACTER SET latin1",
            &["''", "'a  '", "CONCAT('€', CHAR(0x81 USING latin1))", "REPEAT('é', 300)"],
        ),
        Type::of("VARCHAR(9) CHARACTER SET cp850", &["'é█'"]),
        Type::of("VARCHAR(9) CHARACTER SET big5", &["'中文'"]),
        Type::of("VARCHAR(9) CHARACTER SET ujis", &["'日本ｶ'"]),
        Type::of("TINYTEXT CHARACTER SET utf8", &["'ñ'", "''"]),
        Type::of("TEXT CHARACTER SET koi8r", &["'я'", "''"]),
        Type::of("MEDIUMTEXT CHARACTER SET utf8mb4", &["REPEAT('😀', 70000)"]),
        Type::of("LONGTEXT CHARACTER SET utf16", &["'a😀'"]),
        Type::of("VARCHAR(9) CHARACTER SET utf16le", &["'a😀'"]),
        Type::of("VARCHAR(9) CHARACTER SET ucs2", &["'aé'"]),
        Type::of("VARCHAR(9) CHARACTER SET utf32", &["'a😀'"]),
        Type::of("VARCHAR(9) CHARACTER SET ascii", &["'a'"]),
    ]
}

fn bytes() -> Vec<Type> {
    let shape = "ST_GeomFromText('LINESTRING(0 0, 1 1.5)', 4326)";
    vec![
        Type::of("BINARY(4)", &["x''", "x'00ff'", "x'01020300'"]),
        Type::of("BINARY(16)", &["x'01'", "x'6ccd780cbaba102695645b8c656024db'"]),
        Type::of("BINARY(255)", &["x'01'"]),
        Type::of("VARBINARY(300)", &["x''", "x'00ff00'", "REPEAT(x'ff', 300)"]),
        Type::of("TINYBLOB", &["x'00'", "x''"]),
        Type::of("BLOB", &["x'00'", "REPEAT('a', 65535)"]),
        Type::of("LONGBLOB", &["REPEAT(x'ff', 70000)"]),
        Type::of("POINT", &["POINT(1, 2)"]),
        Type::of("GEOMETRY", &[shape]),
    ]
}

fn compressed() -> Vec<Type> {
    vec![
        Type::of("VARCHAR(300) COMPRESSED CHARACTER SET latin1", &["''", "'é'", "REPEAT('é', 300)", "RAND()"]),
        Type::of("VARCHAR(50) COMPRESSED CHARACTER SET utf8mb4", &["'a  '", "REPEAT('ab', 25)"]),
        Type::of("VARBINARY(2000) COMPRESSED", &["x'00'", "REPEAT(x'00ff', 1000)"]),
        Type::of("TINYTEXT COMPRESSED CHARACTER SET utf8mb4", &["''", "REPEAT('a', 250)"]),
        Type::of("TEXT COMPRESSED CHARACTER SET cp1251", &["REPEAT('б', 60000)"]),
        Type::of("MEDIUMBLOB COMPRESSED", &["REPEAT(x'61', 100000)", "x''"]),
        Type::of("LONGTEXT COMPRESSED CHARACTER SET utf8mb4", &["REPEAT('😀', 70000)"]),
    ]
}

/// UUID came with MariaDB 10.7, INET4 with 10.10, VECTOR with 11.7.
fn addresses(release: Release) -> Vec<Type> {
    let inet6 = [
        "::",
        "::1",
        "::ffff",
        "::1:0",
        "::1.2.3.4",
        "::ffff:1.2.3.4",
        "::ffff:0:0",
        "1:0:3:4:5:6:7:8",
        "1:0:0:4:0:0:7:8",
        "1:0:0:4:5:0:0:0",
        "::2:3:4:5:6:7:8",
        "1:2:3:4:5:6:7::",
        "64:ff9b::1.2.3.4",
        "ff00::",
        "::fffe:1.2.3.4",
        "0:1::",
    ];
    let quoted = |values: &[&str]| values.iter().map(|value| format!("'{value}'")).collect::<Vec<_>>();
    let mut types = vec![Type::new("INET6", quoted(&inet6))];
    if release != Release::MariaDb10_5 {
        let uuids = [
            "00000000-0000-0000-0000-000000000000",
            "ffffffff-ffff-ffff-ffff-ffffffffffff",
            "6ccd780c-baba-1026-9564-5b8c656024db",
            "f81d4fae-7dec-4d0a-b765-00a0c91e6b00",
            "01890a5d-ac96-774b-bcce-b302099a8057",
            "1ec9414c-232a-6b00-b3c8-9e6bdeced846",
        ];
        types.push(Type::new("UUID", quoted(&uuids)));
        types.push(Type::new("INET4", quoted(&["0.0.0.0", "1.2.3.0", "255.255.255.255"])));
    }
    if release == Release::MariaDb11_8 {
        types.push(Type::of("VECTOR(3)", &["VEC_FromText('[1,2,0]')"]));
    }
    types
}

/// So many columns of each kind that table maps have lists of, that counts and places in them need more than a byte.
pub fn many() -> Vec<Type> {
    let kinds = |index: usize| {
        let set = ["latin1", "cp1251", "utf8", "binary"][index % 4];
        let letter = ["'é'", "'б'", "'日'", "'b'"][index % 4];
        let sign = if index.is_multiple_of(3) { " UNSIGNED" } else { "" };
        [
            Type::of(&format!("TINYINT{sign}"), &["100"]),
            Type::of(
                &format!("VAR{}(9){}", if set == "binary" { "BINARY" } else { "CHAR" }, character_set(set)),
                &[letter],
            ),
            Type::of(&format!("ENUM('x{index}',{letter}) CHARACTER SET {set}"), &[letter, "1"]),
            Type::of(&format!("SET('x{index}',{letter}) CHARACTER SET {set}"), &["3"]),
        ]
    };
    (0..80).flat_map(kinds).collect()
}

fn character_set(name: &str) -> String {
    if name == "binary" { String::new() } else { format!(" CHARACTER SET {name}") }
}

/// DOUBLEs and FLOATs of all sizes, which are printed with as few digits as possible.
pub fn floats() -> [Type; 2] {
    let mut random = fastrand::Rng::with_seed(7);
    let mut doubles = Vec::new();
    let mut floats = Vec::new();
    for _ in 0..400 {
        let exponent = random.i32(-20..20);
        let value = (random.f64() - 0.5) * 10f64.powi(exponent);
        doubles.push(format!("{value:e}"));
        floats.push(format!("{value:e}"));
        let bits = f64::from_bits(random.u64(..));
        doubles.push(if bits.is_finite() { format!("{bits:e}") } else { "-0e0".to_owned() });
        floats.push(format!("{}e{exponent}", random.i32(-9999..9999)));
    }
    doubles.extend(["0", "-0e0", "1.7976931348623157e308", "2.2250738585072014e-308"].map(str::to_owned));
    floats.extend(["0", "-0e0", "3.40282e38", "1.17549e-38", "16777216"].map(str::to_owned));
    [Type::new("DOUBLE", doubles), Type::new("FLOAT", floats)]
}
