//! A page of what could not be judged: the reason alone.

use super::{Page, Paged, judged};
use crate::result::{Examined, Unchecked};

impl Paged for Unchecked {
    fn page(&self, _every_layer: bool) -> Page {
        let sections = judged::around(Vec::new(), std::slice::from_ref(&self.check), &[]);
        Page { title: format!("{}: could not be checked", self.subject), sections }
    }

    fn judged(&self) -> Vec<Examined> {
        vec![self.check.clone()]
    }
}
