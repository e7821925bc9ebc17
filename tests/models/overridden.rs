//! Fields of a model's configuration that are set where a folder says otherwise.

use std::{fs, path::Path};

use flopmeter::model::Model;
use tempfile::TempDir;

/// A folder with the configuration alone of a golden model.
fn without_weights(golden: &str) -> TempDir {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(golden);
    let folder = tempfile::tempdir().unwrap();
    fs::copy(golden.join("config.json"), folder.path().join("config.json")).unwrap();
    folder
}

/// A preset takes as many learned positions as sequences ask for. What somebody's own file says is their model.
#[test]
fn positions_of_a_folder_do_not_grow() {
    let positions = |name: &str, set: &[&str], seq| {
        let set = set.iter().map(|&set| set.to_owned()).collect();
        let (model, set) = Model::resolve_for(name, set, Some(seq)).unwrap();
        (model.config.positions().count, set)
    };
    for (golden, preset, count) in [("gpt2", "gpt2", 24), ("resnet_bk_top1", "resnet-bk", 24)] {
        let folder = without_weights(golden);
        let own = folder.path().to_str().unwrap();
        let stated = Model::resolve::<&str>(own, []).unwrap().config.positions();
        assert_eq!(positions(own, &[], 2000), (stated.count, vec![]));
        assert_eq!(stated.count, count);
        let set = format!("{}=1500", stated.field);
        assert_eq!(positions(own, &[&set], 2000), (1500, vec![set.clone()]));
        assert_eq!(positions(preset, &[&set], 2000), (1500, vec![set]));
        let grown = format!("{}=2000", stated.field);
        assert_eq!(positions(preset, &[], 2000), (2000, vec![grown]));
    }
}
