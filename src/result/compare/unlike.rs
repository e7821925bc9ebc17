//! In what two steps were not run alike, beside what their models are.

use super::{CompareReport, Side};
use crate::{
    family::{Recompute, Scope, Training},
    result::Provenance,
};

impl CompareReport {
    /// In what A and B were not run alike, each as A has it and as B has it.
    pub fn unlike(&self) -> Vec<[String; 2]> {
        let sides = [&self.a, &self.b];
        let trainings = sides.map(|side| side.training);
        let steps = trainings.map(|training| training.scope.is_step());
        let always: [fn(&Side) -> String; 5] = [
            |side| scope(side.training.scope).to_owned(),
            |side| format!("batch {}", side.batch),
            |side| format!("seq {}", side.seq),
            |side| format!("accumulate {}", side.training.accumulate),
            |side| packed(side.training),
        ];
        let of_steps: [fn(&Side) -> String; 2] = [
            |side| recompute(side.training),
            |side| format!("optimizer {}", side.training.optimizer),
        ];
        // A forward pass has neither, whatever was said of them.
        let of_steps = of_steps.into_iter().filter(|_| steps == [true; 2]);
        let mut found: Vec<[String; 2]> =
            always.into_iter().chain(of_steps).map(|said| sides.map(said)).collect();
        let [a, b] = trainings.map(|training| training.options);
        found.extend(
            a.iter().filter(|(option, _)| option.forward || steps == [true; 2]).filter_map(
                |(option, value)| {
                    // A model of another family, or one that did not run, has no such option.
                    let other = b.value(option.key)?;
                    Some([value, other].map(|value| format!("{} {value}", option.key)))
                },
            ),
        );
        if let [Some(a), Some(b)] = sides.map(|side| side.provenance.as_ref()) {
            let set = |ran: &Provenance| format!("kernels {}", ran.kernel_set.name());
            found.push([a, b].map(set));
        }
        found.retain(|[a, b]| a != b);
        found
    }
}

const fn scope(scope: Scope) -> &'static str {
    match scope {
        Scope::Forward => "a forward pass alone",
        Scope::Step => "a whole step",
    }
}

fn recompute(training: Training) -> String {
    match training.recompute {
        Recompute::None => "nothing recomputed",
        Recompute::Layers => "layers recomputed",
    }
    .to_owned()
}

fn packed(training: Training) -> String {
    match training.packed.is_none() {
        true => "nothing packed".to_owned(),
        false => format!("sequences of {} packed", training.packed),
    }
}
