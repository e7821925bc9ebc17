//! The rule that stands for an estimator where none was published for a decoder's architecture: every matrix
//! product in three passes and attention over the whole square, 6 W T + 12 L n d B S^2, as nanochat, nanotron,
//! prime-rl and VeOmni count; with adapters 4 W T + 6 P T + 12 L n d B S^2, as the latter two do.

use super::{
    adapted::Adapted,
    config::DecoderConfig,
    linear::{LinearLayer, Place},
    names::last_name,
    recipe::Tokens,
};
use crate::{
    Error,
    component::{
        ComponentName,
        Phase::{Backward, Forward},
    },
    term::{Line, Priced, Term},
};

/// Terms under construction.
struct Terms {
    terms: Vec<Term>,
    /// Whether weights beside adapters are trained.
    full: bool,
}

impl Terms {
    fn add(&mut self, component: &ComponentName, line: &Line) -> Result<(), Error> {
        self.terms.push(Term::new(component, line)?);
        Ok(())
    }

    /// A matrix product: forward, by its input, and by its weight where that is trained.
    fn product(
        &mut self,
        component: &ComponentName,
        path: &'static [&'static str],
        (formula, factors): (&'static str, Vec<u64>),
        trained: bool,
    ) -> Result<(), Error> {
        let priced = Priced::all_of(path);
        self.add(component, &(priced.clone(), Forward, formula, factors.clone()))?;
        self.add(component, &(priced.clone(), Backward, formula, factors.clone()))?;
        if trained {
            self.add(component, &(priced.by_weight(), Backward, formula, factors))?;
        }
        Ok(())
    }

    /// The adapters of a component, those of each of its parts together: P numbers, which each of T tokens passes.
    fn adapters<'a>(
        &mut self,
        component: &ComponentName,
        adapted: impl Iterator<Item = &'a Adapted>,
        t: u64,
    ) -> Result<(), Error> {
        let numbers = adapted.map(|Adapted { linear, rank, .. }| {
            let numbers = u64::from(*rank) * (u64::from(linear.k) + u64::from(linear.n));
            (adapters_path(linear), numbers)
        });
        let mut parts: Vec<(&'static [&'static str], u64)> = Vec::new();
        for (path, numbers) in numbers {
            match parts.iter_mut().find(|(known, _)| *known == path) {
                Some((_, sum)) => *sum += numbers,
                None => parts.push((path, numbers)),
            }
        }
        for (path, numbers) in parts {
            let priced = Priced::all_of(path);
            self.add(component, &(priced.clone(), Forward, "2 P T", vec![2, numbers, t]))?;
            self.add(component, &(priced, Backward, "4 P T", vec![4, numbers, t]))?;
        }
        Ok(())
    }
}

/// Every term, component by component in the order of the model.
pub(super) fn terms(config: &DecoderConfig, tokens: &Tokens) -> Result<Vec<Term>, Error> {
    let [t, square] = tokens.factors()?;
    let [once, twice] = match tokens.is_packed() {
        false => ["2 T S n d", "4 T S n d"],
        true => ["2 n d B sum S^2", "4 n d B sum S^2"],
    };
    let query = u64::from(config.query_width());
    let mut terms = Terms { terms: Vec::new(), full: config.adapters.is_none() };
    let full = terms.full;
    let adapted = config.adapted();
    for (number, &layer) in (0..).zip(&config.layers) {
        let component = ComponentName::of_layer(number, &[]);
        for linear in LinearLayer::of_layer(config, layer) {
            let [k, n, passed] = [linear.k, linear.n, linear.passed].map(u64::from);
            let formula = match linear.is_routed() {
                false => ("2 T in out", vec![2, t, k, n]),
                true => ("2 T K in out", vec![2, t, passed, k, n]),
            };
            terms.product(&component, path(config, &linear), formula, full)?;
        }
        for path in [&["attention", "scores"], &["attention", "values"]] {
            let priced = Priced::all_of(path);
            let line = (priced.clone(), Forward, once, vec![2, square, query]);
            terms.add(&component, &line)?;
            terms.add(&component, &(priced, Backward, twice, vec![4, square, query]))?;
        }
        terms.adapters(&component, adapted.iter().filter(|its| its.layer == Some(number)), t)?;
    }
    let LinearLayer { k, n, .. } = LinearLayer::head(config);
    let factors = vec![2, t, k.into(), n.into()];
    terms.product(&ComponentName::new(&["lm_head"]), &["lm_head"], ("2 T H V", factors), full)?;
    let component = ComponentName::new(&["lm_head", "lora"]);
    terms.adapters(&component, adapted.iter().filter(|its| its.layer.is_none()), t)?;
    Ok(terms.terms)
}

/// Where in a layer the passes of a linear layer's adapter stand.
fn adapters_path(linear: &LinearLayer) -> &'static [&'static str] {
    match linear.place {
        Place::Query | Place::Key | Place::Value | Place::Output => &["attention", "lora"],
        Place::Mlp => &["feed_forward", "lora"],
        // A router carries none.
        Place::Router | Place::Shared | Place::SharedGate => &["moe", "shared", "lora"],
        Place::Head => &["lora"],
    }
}

/// Where in a layer a linear layer's passes stand.
fn path(config: &DecoderConfig, linear: &LinearLayer) -> &'static [&'static str] {
    let names = config.architecture.names();
    match (linear.place, last_name(linear.name)) {
        (Place::Query, _) => &["attention", "q_proj"],
        (Place::Key, _) => &["attention", "k_proj"],
        (Place::Value, _) => &["attention", "v_proj"],
        (Place::Output, _) => &["attention", "o_proj"],
        (Place::Router, _) => &["moe", "router"],
        (Place::SharedGate, _) => &["moe", "shared", "gate"],
        (Place::Shared, "gate_proj") => &["moe", "shared", "gate_proj"],
        (Place::Shared, "up_proj") => &["moe", "shared", "up_proj"],
        (Place::Shared, _) => &["moe", "shared", "down_proj"],
        (Place::Mlp, _) if linear.is_routed() => &["moe", "experts"],
        (Place::Mlp, _) if Some(linear.name) == names.gate => &["feed_forward", "gate_proj"],
        (Place::Mlp, _) if linear.name == names.up => &["feed_forward", "up_proj"],
        (Place::Mlp, _) => &["feed_forward", "down_proj"],
        (Place::Head, _) => &["lm_head"],
    }
}
