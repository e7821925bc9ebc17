//! What a report was judged by, and the answer in its last line. Knows findings, not who made them.

use super::answer::{Answer, Problems, at_both_ends};
use super::number::several;
use super::{Fact, Page, Section, Tone, section::Content};
use crate::result::{Examined, Finding, FindingKind};

/// Where an annotation of a file stands that is about no line of it.
pub(super) const FIRST_LINE: Option<u32> = Some(1);

/// More checks than these are not named in one line.
const MOST_NAMED: usize = 3;

/// A page's sections with what was judged, finding by finding but for the kinds that are told elsewhere, and the answer
/// at both ends; the sections alone where nothing was judged.
pub(super) fn around(
    mut sections: Vec<Section>,
    checks: &[Examined],
    told: &[FindingKind],
) -> Vec<Section> {
    let findings = checks.iter().flat_map(|check| &check.findings);
    let facts: Vec<Fact> =
        findings.filter(|finding| !told.contains(&finding.kind)).map(fact).collect();
    if !facts.is_empty() {
        sections.push(Section::facts("Findings", facts));
    }
    at_both_ends(answer(checks), sections)
}

fn fact(finding: &Finding) -> Fact {
    let (allowed, tone) =
        if finding.allowed { (" (allowed)", Tone::Doubtful) } else { ("", Tone::Bad) };
    let details = finding.details.clone();
    Fact { details, ..Fact::new("finding", format!("{finding}{allowed}")).toned(tone) }
}

/// Whether everything holds; `None` where nothing was judged.
fn answer(checks: &[Examined]) -> Option<Answer> {
    let findings = checks.iter().flat_map(|check| &check.findings).filter(|its| !its.allowed);
    let problems = Problems::listed(findings.map(ToString::to_string).collect());
    (!checks.is_empty()).then(|| problems.answer(holding(checks)))
}

/// What checks that hold say: each, or how many where they are many.
pub(crate) fn holding(checks: &[Examined]) -> String {
    let allowed = |check: &Examined| check.findings.len();
    if checks.len() > MOST_NAMED {
        let allowed = match checks.iter().map(allowed).sum::<usize>() {
            0 => String::new(),
            some => format!(" ({} allowed)", several(some as u64, "finding", "findings")),
        };
        return format!("{} checks hold{allowed}", checks.len());
    }
    let what = checks.iter().map(|check| match allowed(check) {
        0 => check.what.clone(),
        some => format!("{} ({some} allowed)", check.what),
    });
    what.collect::<Vec<String>>().join("; ")
}

/// What a page says in its answer, as something that was judged.
pub(super) fn of_page(page: &Page) -> Vec<Examined> {
    let facts = page.sections.iter().filter_map(|section| match &section.content {
        Content::Facts(facts) => Some(facts),
        Content::Table(_) | Content::Plot(_) => None,
    });
    let mut answers = facts.flatten().filter(|fact| ["PASS", "FAIL"].contains(&fact.name));
    // The first is the whole of it.
    let judged = answers.next().into_iter().map(|answer| {
        let fails = answer.name == "FAIL";
        let finding = fails.then(|| Finding::new(FindingKind::Answer, answer.text.clone()));
        let what = if fails { page.title.clone() } else { answer.text.clone() };
        Examined { what, findings: finding.into_iter().collect() }
    });
    judged.collect()
}
