//! A published table of costs, judged by the points of a sweep that are in it.

use crate::scale::{ruling, scale};

/// A table of which one row was run, which is as printed: the rows that are not would be missing from the answer.
#[test]
fn a_table_is_not_judged_by_the_rows_that_hold() {
    let report = scale(&[&["--axis", "seq=128"]]);
    let table = ruling(&report, "scaling table", "estimate");
    assert_eq!(table["ruling"], "not_judged");
    let why = "as printed where it was run: 48.918 at 128; needs the other rows, too";
    assert_eq!(table["why"], why);
}

/// The formulas' totals past N = 128, which the published table does not print.
#[test]
fn the_published_table_is_judged_by_its_own_formulas() {
    let report = scale(&[&["--axis", "seq=128,256,512,1024,2048"]]);
    assert_eq!(report["schema"], "flopmeter.scale/1");
    let points = report["points"].as_array().unwrap();
    let gflops: Vec<String> = points
        .iter()
        .map(|point| format!("{:.3}", point["total"]["estimate"].as_f64().unwrap() * 1e-9))
        .collect();
    assert_eq!(gflops, ["48.918", "97.774", "195.486", "390.909", "781.756"]);
    // A learned position for each token, as in the publication.
    assert_eq!(points[4]["model_config"]["n_seq"], 2048);

    let table = ruling(&report, "scaling table", "estimate");
    assert_eq!(table["ruling"], "does_not_hold");
    let why = table["why"].as_str().unwrap();
    assert!(why.contains("48.918 at 128; 97.774, not 97.779, at 256"), "{why}");
    let holds = [
        ("a step costs O(N)", "exponent"),
        ("BK-Core costs O(N)", "forward exponent"),
        ("LM head dominates", "least"),
        ("96.6 %", "most"),
        ("about 2 x forward", "least"),
        ("negligible", "most"),
    ];
    for (claim, number) in holds {
        let judged = ruling(&report, claim, "estimate");
        assert_eq!(judged["ruling"], "holds", "{claim}: {judged}");
        assert!(judged["numbers"][number].is_number(), "{claim}: {judged}");
    }
    let gradients = ruling(&report, "hybrid", "measured");
    assert_eq!(gradients["ruling"], "not_judged");
    assert!(gradients["why"].as_str().unwrap().contains("with both gradients"));
}
