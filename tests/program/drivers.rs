//! Machines without a driver, and adapters that are not there: what runs all the same, and what users are told.

use crate::command::{adapter, flopmeter, golden, refused, text, without_drivers};
use predicates::{prelude::*, str::contains};

#[test]
fn a_machine_without_a_driver_runs_on_the_embedded_executor() {
    let model = golden("resnet_bk_top1");
    for arguments in [&["profile", text(&model)][..], &["check", text(&model)], &["adapters"]] {
        without_drivers(&mut flopmeter(arguments)).assert().success().stdout(
            contains("embedded").and(contains("mismatch").not().or(contains(" 0 mismatch"))),
        );
    }
}

#[test]
fn who_asks_for_a_driver_that_is_not_here_is_told_what_to_install() {
    for adapter in ["gpu", "software"] {
        without_drivers(&mut flopmeter(&["profile", "--adapter", adapter]))
            .assert()
            .code(2)
            .stdout("")
            .stderr(contains("no adapter").and(contains("mesa-vulkan-drivers")));
    }
}

#[test]
fn an_adapter_that_is_not_here_is_answered_with_those_that_are() {
    if adapter() {
        refused(&["profile", "--adapter", "Voodoo 2"], &["Voodoo 2", "there is '"]);
        refused(&["check", "--adapter", "Voodoo 2"], &["Voodoo 2", "there is '"]);
    }
}
