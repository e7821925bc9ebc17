//! The table of built-in functions in `docs/measured.md`, held to what they are priced at.

use flopmeter::op::Traffic;

use super::check;

#[test]
fn functions_cost_what_the_documentation_says() {
    let documentation = include_str!("../../../../docs/measured.md");
    let table = documentation.split("| function | operations |").nth(1).expect("a table");
    let rows = table.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut functions = 0;
    for row in rows {
        let (_, row) = row.split_once("| ").unwrap();
        let (calls, operations) = row.trim_end_matches(" |").split_once(" | ").unwrap();
        let operations: Vec<(String, u64)> = operations
            .split(", ")
            .map(|part| {
                let (count, op) = part.split_once(' ').unwrap();
                (format!("f32.{op}"), count.parse().unwrap())
            })
            .collect();
        let operations: Vec<(&str, u64)> =
            operations.iter().map(|(key, count)| (key.as_str(), *count)).collect();
        for call in calls.split('`').skip(1).step_by(2) {
            check(&format!("let r = {call};"), &operations, Traffic::default());
            functions += 1;
        }
    }
    assert!(functions > 40, "{functions} functions are in the table");
}
