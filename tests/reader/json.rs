//! MySQL's JSON, as SQL.

/// Documents of every kind of value, small and large ones.
pub fn json() -> Vec<String> {
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "''"));
    let mut documents: Vec<String> = [
        "null",
        "true",
        "false",
        "0",
        "-1",
        "32767",
        "32768",
        "-32769",
        "65536",
        "-2147483649",
        "4294967296",
        "9223372036854775808",
        "18446744073709551615",
        "1.0",
        "-0.0",
        "1e100",
        "1.5e-10",
        "123456789.125",
        "1e15",
        "1e14",
        "0.1",
        "1.7976931348623157e308",
        "\"\"",
        "[]",
        "{}",
        "[[], {}, [[]]]",
        "{\"\": {\"a\": []}}",
        "{\"b\": 1, \"a\": [true, null, -5, 70000, 1.25, \"x\"], \"longer\": {\"ключ\": \"значение 😀\"}}",
        r#"["\"", "\\", "/", "\b\f\n\r\t", "\u0000\u0001\u001f\u007f\u0080", "'"]"#,
    ]
    .iter()
    .map(|text| quoted(text))
    .collect();
    let numbers: Vec<String> = (-30..30).map(|power: i32| format!("{}", 3.7f64 * 10f64.powi(power))).collect();
    documents.push(quoted(&format!("[{}]", numbers.join(","))));
    let members: Vec<String> = (0..9000).map(|index| format!("\"key{index}\": {}", index * 100_000)).collect();
    documents.push(quoted(&format!("{{{}}}", members.join(","))));
    documents.push(quoted(&format!("[\"{}\", \"{}\", \"{}\"]", "x".repeat(127), "y".repeat(128), "é".repeat(70_000))));
    documents.push(quoted(&format!("{}1{}", "[".repeat(99), "]".repeat(99))));
    for expression in [
        "CAST(12.340 AS DECIMAL(20,5))",
        "CAST(-0.5 AS DECIMAL(65,30))",
        "DATE '2024-02-29'",
        "TIME '-12:34:56.5'",
        "TIME '838:59:59'",
        "TIMESTAMP '2024-02-29 12:34:56.000001'",
        "CAST('x' AS BINARY)",
        "REPEAT(x'00ff', 100)",
        "b'101'",
        "CAST(2024 AS YEAR)",
        "1.5",
        "TRUE",
        "1e0",
        "CAST(1.5 AS FLOAT)",
    ] {
        documents.push(format!("JSON_ARRAY({expression}, {expression})"));
    }
    documents.push("JSON_OBJECT('p', ST_GeomFromText('POINT(1 2)'))".to_owned());
    documents
}
