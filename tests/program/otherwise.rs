//! Gates over a kernel that was run otherwise than its baseline: less of something else is not less.

use std::fs;

use predicates::str::contains;
use tempfile::TempDir;

use crate::command::flopmeter;

const KERNEL: &str = "
struct Immediates { n: u32 }
var<immediate> im: Immediates;
@group(0) @binding(0) var<storage, read_write> x: array<u32>;
@compute @workgroup_size(1) fn main() {
    for (var i = 0u; i < im.n * N * x[0]; i++) { x[1] *= 3u; }
}
";

#[test]
fn less_of_other_immediate_data_macros_or_contents_is_not_less() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (kernel, input, base) = (path("kernel.wgsl"), path("input"), path("base.json"));
    fs::write(&kernel, KERNEL).unwrap();
    let ran = |n: u32, rounds: u32, first: u32, more: &[&str]| {
        fs::write(&input, [first, 1].map(u32::to_le_bytes).concat()).unwrap();
        let (immediate, define) = (format!("--immediate=n={n}"), format!("-DN={rounds}"));
        let bind = format!("--bind=0.0=file:{input}");
        let run = ["check", &kernel, "--dispatch=1", "--adapter=embedded", "-q"];
        let run = [&run[..], &[&immediate, &define, &bind], more].concat();
        flopmeter(&run).assert()
    };
    ran(4, 4, 4, &["--json", &base]).success();
    for held in ["--allow=less", "--fail-on=more:bytes"] {
        let baseline = ["--baseline", &base, held];
        ran(4, 4, 4, &baseline).success();
        for ([n, rounds, first], says) in [
            ([3, 4, 4], "the immediate data im.n was 4, and is 3"),
            ([4, 3, 4], "the macro N was 4, and is 3"),
            ([4, 4, 3], "the contents of 'x' at 0.0 are others"),
        ] {
            let says = format!("it was not run alike: {says}");
            ran(n, rounds, first, &baseline).code(1).stdout(contains(says));
        }
    }
}
