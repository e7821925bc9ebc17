//! `flopmeter adapters`: what can run here, what `auto` would pick, and which kernels won where they were timed.

use flopmeter::{
    choice::KernelSet,
    execute::{self, Embedded},
    result::AdapterList,
};

use super::{
    Outcome,
    args::{Adapters, Common, Tuned},
    export::{Formats, Places},
    progress::Bar,
    tune::{self, Tuner},
};

pub fn run(asked: &Adapters, common: &Common) -> super::Result {
    let mut places = Places::default();
    let formats = Formats::claim(&mut places, &asked.exports)?;
    let mut timed = None;
    if asked.tune {
        let tuner = Tuner::new(Tuned { tune: true, no_tune: false }, KernelSet::Auto, common)?;
        let mut executor = execute::open(&asked.adapter, Embedded::default())?;
        timed = Some(tuner.tune(executor.as_mut(), &Bar::new(common, 0))?);
    }
    let adapters = execute::adapters()?;
    let mut kept = tune::all_kept(&adapters, common);
    // What was timed just now is shown even where it could not be kept.
    kept.retain(|its| timed.as_ref().is_none_or(|timed| timed.adapter != its.adapter));
    kept.extend(timed);
    formats.write(&AdapterList::new(adapters, &kept), &places, common)?;
    Ok(Outcome::Holds)
}
