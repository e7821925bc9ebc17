//! A kernel with a few of its tokens dropped, doubled, exchanged or, where they are numbers, replaced.
//! Shared with the fuzz target.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// Names and numbers whole, spaces with what follows them, and else a character at a time.
fn tokens(source: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while !rest.is_empty() {
        let blank = rest.len() - rest.trim_start().len();
        let word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
        let length = rest[blank..].find(|c| !word(c)).unwrap_or(rest.len() - blank);
        let first = rest[blank..].chars().next().map_or(0, char::len_utf8);
        let (token, after) = rest.split_at(blank + length.max(first));
        tokens.push(token);
        rest = after;
    }
    tokens
}

/// Numbers that are the edge of something.
const NUMBERS: [&str; 12] = [
    " 0",
    " 1",
    " 2",
    " 3",
    " 31u",
    " 33u",
    " -1",
    " 65536",
    " 2147483647",
    " 4294967295u",
    " 0.0",
    " 1e38",
];

/// A source with one to three changes.
pub fn mutant(source: &str, random: &mut ChaCha8Rng) -> String {
    let mut tokens = tokens(source);
    let mut roll = |sides: usize| random.next_u32() as usize % sides.max(1);
    for _ in 0..roll(3) + 1 {
        let (here, there) = (roll(tokens.len()), roll(tokens.len()));
        match roll(6) {
            0 => drop(tokens.remove(here)),
            1 => tokens.insert(here, tokens[here]),
            2 => tokens.swap(here, there),
            3 => tokens[here] = tokens[there],
            // Numbers are where the executor's arithmetic on sizes and indices begins.
            _ => {
                let is_number = |t: &&str| t.trim_start().starts_with(|c: char| c.is_ascii_digit());
                let places: Vec<usize> =
                    (0..tokens.len()).filter(|&i| is_number(&tokens[i])).collect();
                if let Some(&place) = places.get(roll(places.len())) {
                    tokens[place] = NUMBERS[roll(NUMBERS.len())];
                }
            }
        }
        if tokens.is_empty() {
            break;
        }
    }
    tokens.concat()
}
