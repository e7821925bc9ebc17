//! What a process that ends without a word to the layer has said before: whether its last recording has everything.
#![allow(unsafe_code, reason = "a program that leaves at once")]

use std::{fs, os::unix::fs::symlink, thread, time::Duration};

use ash::vk;
use flopmeter_layer::{CLAIMS, EACH, NAME, TIMES};

use crate::{
    asks::Asks,
    glsl::compile,
    host::Host,
    process::{Stage, can_play},
    scenes::{ADD, recorded},
};

/// What a program does last, before it leaves.
#[derive(Clone, Copy)]
pub enum Last {
    /// It waits for what it dispatched.
    Waits,
    /// It submits something that dispatches nothing.
    Idles,
    /// It submits a dispatch.
    Submits,
}

/// Dispatches, waits, does one thing more and leaves at once.
pub fn left(last: Last) -> Vec<u32> {
    let host = Host::open(Asks::Nothing);
    let pipeline = host.pipeline(&compile(ADD), &[]);
    let dispatch = host.record(|commands| {
        commands.bind(pipeline).dispatch(1, 1, 1);
    });
    let idle = host.record(|_| ());
    host.submit(&[&[dispatch]]);
    host.wait();
    // Writing takes a part of the program's time at most.
    while recorded() < 1 {
        thread::sleep(Duration::from_millis(1));
        host.wait();
    }
    let more: Option<vk::CommandBuffer> = match last {
        Last::Waits => None,
        Last::Idles => Some(idle),
        Last::Submits => Some(dispatch),
    };
    more.iter().for_each(|&commands| host.submit(&[&[commands]]));
    // SAFETY: nothing of this process is to happen behind that.
    unsafe { libc::_exit(0) }
}

#[test]
fn a_process_that_leaves_has_said_whether_it_is_recorded_whole() {
    if !can_play() {
        return;
    }
    for (scene, holds) in [("left", true), ("left idle", true), ("left at work", false)] {
        for asked in [&[][..], &[EACH], &[TIMES]] {
            let memory = tempfile::tempdir_in("/dev/shm").unwrap();
            let stage = Stage::new();
            let mut command = stage.command(scene, &[NAME]);
            symlink(memory.path(), stage.at("recordings").join(CLAIMS)).unwrap();
            command.envs(asked.iter().map(|&variable| (variable, "1")));
            let output = command.output().unwrap();
            assert!(output.status.success(), "{output:?}");
            let claims: Vec<_> = fs::read_dir(memory.path()).unwrap().collect();
            let [Ok(claim)] = &claims[..] else { panic!("one device: {claims:?}") };
            let [said, ..] = fs::read(claim.path()).unwrap()[..] else { panic!("no byte") };
            assert_eq!(said == 1, holds, "{scene} {asked:?}");
            let recordings = stage.recordings();
            assert!(!recordings[0].finished, "the layer was not told");
            assert_eq!(recordings[0].unfinished_submissions, 0, "{scene} {asked:?}");
        }
    }
}

/// Where it can make none it goes on, and leaves what it left before.
#[test]
fn a_process_without_a_place_for_claims_makes_none() {
    if !can_play() {
        return;
    }
    let stage = Stage::new();
    let mut command = stage.command("left", &[NAME]);
    fs::create_dir(stage.at("recordings").join(CLAIMS)).unwrap();
    assert!(command.output().unwrap().status.success());
    assert_eq!(stage.recordings().len(), 1);
}
