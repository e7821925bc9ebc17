//! What a report was judged by, and the answer in its last line. Knows findings, not who made them.

use super::answer::Problems;
use super::{Fact, Page, Section, Tone, section::Content};
use crate::result::{Examined, Finding, FindingKind};

/// What was judged, finding by finding, and the answer; nothing where nothing was judged.
pub(super) fn sections(checks: &[Examined]) -> Vec<Section> {
    let facts: Vec<Fact> = checks.iter().flat_map(facts).collect();
    let mut sections = Vec::new();
    if !facts.is_empty() {
        sections.push(Section::facts("Findings", facts));
    }
    sections.extend(answer(checks).map(|answer| Section::facts("Answer", [answer])));
    sections
}

/// What speaks against one thing.
fn facts(check: &Examined) -> Vec<Fact> {
    let facts = check.findings.iter().map(|finding| {
        let (allowed, tone) =
            if finding.allowed { (" (allowed)", Tone::Doubtful) } else { ("", Tone::Bad) };
        Fact::new("finding", format!("{finding}{allowed}")).toned(tone)
    });
    facts.collect()
}

/// Whether everything holds; `None` where nothing was judged.
pub(super) fn answer(checks: &[Examined]) -> Option<Fact> {
    let mut problems = Problems::default();
    for finding in checks.iter().flat_map(|check| &check.findings).filter(|its| !its.allowed) {
        problems.say(finding.text.clone());
    }
    let what: Vec<&str> = checks.iter().map(|check| check.what.as_str()).collect();
    (!checks.is_empty()).then(|| problems.answer(what.join("; ")))
}

/// What a page says in its answer, as something that was judged.
pub(super) fn of_page(page: &Page) -> Vec<Examined> {
    let facts = page.sections.iter().filter_map(|section| match &section.content {
        Content::Facts(facts) => Some(facts),
        Content::Table(_) | Content::Plot(_) => None,
    });
    let answers = facts.flatten().filter(|fact| ["PASS", "FAIL"].contains(&fact.name));
    // The answer stands at both ends of a page.
    let judged = answers.last().into_iter().map(|answer| {
        let fails = answer.name == "FAIL";
        let finding = fails.then(|| Finding::new(FindingKind::Answer, answer.text.clone()));
        let what = if fails { page.title.clone() } else { answer.text.clone() };
        Examined { what, findings: finding.into_iter().collect() }
    });
    judged.collect()
}
