//! What is said of wrong input, in words of this program: what is wrong, with the option or the file, and the way out.

use std::fs;

use predicates::{prelude::*, str::contains};

use crate::command::{KernelFolder, flopmeter, refused};

#[test]
fn a_number_that_is_none_is_told_in_words_of_this_program() {
    let folder = KernelFolder::new();
    let kernel = folder.path("kernel.wgsl");
    for wrong in ["3s", "0", "-1", "1.5"] {
        let timeout = format!("--timeout={wrong}");
        let says = ["'--timeout <SECONDS>'", "say whole seconds from 1 up, without a unit"];
        refused(&["check", &kernel, "--dispatch=1", &timeout], &says);
    }
    for (option, says) in [
        ("--batch=2x", "say a whole number, without a point or a unit, as in 128"),
        ("--seq=99999999999999999999", "that is too large: say a smaller number"),
    ] {
        let said = flopmeter(&["estimate", option]).assert().code(2).stdout("");
        said.stderr(contains(says).and(contains("in string").or(contains("target type")).not()));
    }
    let list = folder.path("list");
    fs::write(&list, format!("{kernel} --dispatch 1 --timeout 3s")).unwrap();
    refused(&["check", "--suite", &list], &["list:1", "say whole seconds from 1 up"]);

    for (grid, says) in [
        ("4294967296", "4294967296 workgroups are more than the 4294967295 that any dispatch has"),
        ("1,99999999999999999999", "99999999999999999999 workgroups are more than"),
        ("1,x", "'x' is no number of workgroups"),
        ("-1", "'-1' is no number of workgroups"),
    ] {
        refused(&["shader", &kernel, &format!("--dispatch={grid}")], &[says, "--dispatch"]);
    }
    let says = ["--peak", "67 FLOPs a second", "67e12 for 67 TFLOP/s"];
    refused(&["estimate", "--steps=1", "--peak=67"], &says);
    refused(&["run", "--peak=67", "--", "true"], &says);
    flopmeter(&["estimate", "--steps=1", "--peak=1e6", "-q"]).assert().success();
}

#[test]
fn a_step_is_not_only_forward() {
    let says = ["--inference is about forward passes", "--phase step", "leave one of them out"];
    refused(&["estimate", "--inference", "--phase=step"], &says);
    for taken in [&["--inference"][..], &["--inference", "--phase=forward"], &["--phase=step"]] {
        flopmeter(&[&["estimate", "-q"], taken].concat()).assert().success();
    }
}

#[test]
fn what_is_empty_is_told_as_that() {
    let folder = KernelFolder::new();
    let model = folder.path("model");
    fs::create_dir(&model).unwrap();
    let config = folder.path("model/config.json");
    for nothing in ["", " \n"] {
        fs::write(&config, nothing).unwrap();
        refused(&["estimate", &model], &["config.json: is empty", "fetch or save it again"]);
        for name in ["a.json", "a.wgsl", "a.comp", "a.spv"] {
            fs::write(folder.path(name), nothing).unwrap();
        }
        let report = folder.path("a.json");
        let says = ["a.json: is empty", "save it again"];
        refused(&["compare", &report, &report], &says);
        refused(&["merge", &report], &says);
        let kernel = folder.path("kernel.wgsl");
        refused(&["check", &kernel, "--dispatch=1", "--baseline", &report], &says);
        for name in ["a.wgsl", "a.comp", "a.spv"] {
            let shader = folder.path(name);
            let says = [name, "is empty, and a shader with a compute entry point is wanted"];
            refused(&["shader", &shader], &says);
            refused(&["check", &shader, "--dispatch=1"], &says);
        }
    }
    fs::write(&config, "{\n\"model_type\":").unwrap();
    refused(&["estimate", &model], &["config.json: is cut short: it ends in line 2"]);
    fs::write(&config, "\u{feff}{}").unwrap();
    refused(&["estimate", &model], &["config.json: begins with a byte order mark", "UTF-8"]);
}

#[test]
fn what_check_takes_is_told_where_something_else_is_given() {
    let folder = KernelFolder::new();
    let (shaders, kernel) = (folder.path(""), folder.path("kernel.wgsl"));
    for more in [&[][..], &["--dispatch=1"]] {
        let says = ["is a folder of shaders and has no config.json", "kernel.wgsl", "--suite"];
        refused(&[&["check", &shaders], more].concat(), &says);
    }
    let says = ["kernel.wgsl: is a shader by its ending", "flopmeter check ", "--dispatch"];
    refused(&["check", "--suite", &kernel], &says);
    let list = folder.path("list");
    for line in ["resnet-bk --dispatch 1", "qwen2.5-0.5b"] {
        fs::write(&list, line).unwrap();
        let says = ["list:1: ", "is a model, and a line of a suite is about a shader"];
        refused(&["check", "--suite", &list], &says);
    }
}

/// The way out of a kernel of a suite is that of the kernel alone.
#[test]
fn a_kernel_of_a_suite_has_the_way_out_too() {
    let folder = KernelFolder::new();
    let (kernel, list) = (folder.path("kernel.wgsl"), folder.path("list"));
    let way = "'x' has no fixed size: say what fills 0.0 (--bind 0.0=zeros:COUNT, or iota";
    refused(&["check", &kernel, "--dispatch=1", "--adapter=embedded"], &[way]);
    fs::write(&list, format!("{kernel} --dispatch 1")).unwrap();
    let suite = ["check", "--suite", &list, "--adapter=embedded"];
    flopmeter(&suite).assert().code(2).stdout(contains(way));
    let why = ["check", &kernel, "--dispatch=1", "--adapter=embedded", "--markdown=-"];
    flopmeter(&why).assert().code(2).stdout(contains("zeros:COUNT"));
}

/// Two times of a step differ, and each says of what it is.
#[test]
fn the_times_of_a_step_say_of_what_they_are() {
    let profile = ["profile", "--batch=1", "--seq=4", "--set=d_model=4", "--set=n_layers=1"];
    let profile = [&profile[..], &["--set=vocab_size=8", "--adapter=embedded", "-q"]].concat();
    let says = contains("(the whole step: median of 3, ")
        .and(contains("; the medians of the passes come to "))
        .and(contains("WGSL's").not());
    flopmeter(&profile).assert().success().stdout(says);
}
