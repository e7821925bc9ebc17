//! Keys of a file of JSON: whether each object has each of its own once, since a reader of maps takes the last of two, in
//! silence; and which one a value stands under.

use std::{collections::BTreeSet, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

/// Any value whose objects have each key once. Nothing is kept of it.
pub(super) struct KeysOnce;

/// The keys, and the places in lists, that lead to what ends `column` bytes into a line: `passes[3].ops.f32.mul`. Of a text
/// that is JSON.
pub(super) fn path_to(text: &[u8], line: usize, column: usize) -> String {
    let lines = text.split_inclusive(|byte| *byte == b'\n');
    let before: usize = lines.take(line.saturating_sub(1)).map(<[u8]>::len).sum();
    let text = &text[..text.len().min(before + column)];
    // What has been looked at behind a value ends it.
    let text = text.strip_suffix(b",").unwrap_or(text).trim_ascii_end();
    let mut within: Vec<Within> = Vec::new();
    // The string that was read last, and whether one is being read.
    let (mut string, mut is_string, mut is_escaped) = (Vec::new(), false, false);
    for &byte in text {
        if is_string {
            match byte {
                b'"' if !is_escaped => is_string = false,
                _ => string.push(byte),
            }
            is_escaped = byte == b'\\' && !is_escaped;
            continue;
        }
        match (byte, within.last_mut()) {
            (b'"', _) => {
                string.clear();
                is_string = true;
            }
            (b':', Some(Within::Object(key))) => {
                *key = String::from_utf8_lossy(&string).into_owned();
            }
            (b',', Some(Within::List(index))) => *index += 1,
            (b'{', _) => within.push(Within::Object(String::new())),
            (b'[', _) => within.push(Within::List(0)),
            (b'}' | b']', _) => drop(within.pop()),
            _ => {}
        }
    }
    within.iter().fold(String::new(), |path, part| match part {
        Within::List(index) => format!("{path}[{index}]"),
        Within::Object(key) if path.is_empty() => key.clone(),
        Within::Object(key) => format!("{path}.{key}"),
    })
}

/// What a value stands in.
enum Within {
    /// Under this key.
    Object(String),
    /// In this place.
    List(usize),
}

impl<'de> Deserialize<'de> for KeysOnce {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for KeysOnce {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value of JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut keys = BTreeSet::new();
        while let Some(key) = map.next_key::<String>()? {
            if keys.contains(&key) {
                return Err(A::Error::custom(format!("'{key}' stands twice in one object")));
            }
            keys.insert(key);
            map.next_value::<Self>()?;
        }
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self, A::Error> {
        while values.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_unit<E: Error>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_told_by_what_leads_to_it() {
        let text = "{ \"a,\": [1, {\"b\\\"]\": 2,\n\"f32.mul\": -3, \"c\": 1.5}], \"d\": {}}";
        for (value, path) in [
            ("1,", "a,[0]"),
            ("2,", "a,[1].b\\\"]"),
            ("-3", "a,[1].f32.mul"),
            ("1.5", "a,[1].c"),
            ("1.5}", "a,[1]"),
            ("{}", "d"),
        ] {
            let end = text.find(value).unwrap() + value.len();
            let line = text[..end].lines().count();
            let column = end - text[..end].rfind('\n').map_or(0, |at| at + 1);
            assert_eq!(path_to(text.as_bytes(), line, column), path, "{value}");
        }
    }
}
