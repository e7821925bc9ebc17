//! A file of prices, which is a convention of one's own.

use std::{collections::BTreeMap, fs, path::Path};

use flopmeter::op::Convention;
use serde::Deserialize;
use toml::Value;

/// What such a file has: a name, which is that of the file unless it says one, and what operations cost.
#[derive(Deserialize)]
struct PriceFile {
    name: Option<Value>,
    prices: Option<BTreeMap<String, Value>>,
    #[serde(flatten)]
    others: BTreeMap<String, Value>,
}

/// The convention of a file.
///
/// # Errors
/// One line, where the file cannot be read, is no TOML, or has something else than a name and prices.
pub(super) fn read(path: &Path) -> Result<Convention, String> {
    let text = fs::read_to_string(path).map_err(|why| format!("it cannot be read: {why}"))?;
    let PriceFile { name, prices, others } =
        toml::from_str(&text).map_err(|why| unread(&text, &why))?;
    if let Some(other) = others.keys().next() {
        return Err(format!("a file of prices has 'name' and '[prices]', and no '{other}'"));
    }
    let named = name.is_some();
    let name = match &name {
        Some(Value::String(name)) => name.as_str(),
        Some(_) => return Err("'name' is no text".to_owned()),
        None => path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default(),
    };
    let Some(prices) = prices else {
        return Err(
            "it has no prices: say them as in '[prices]', 'add = 1', a line each".to_owned()
        );
    };
    let mut whole = Vec::new();
    for (op, price) in &prices {
        let Some(price) = price.as_integer().and_then(|price| u64::try_from(price).ok()) else {
            let most = Convention::MOST;
            return Err(format!(
                "'{op}' costs {price}: a price is a whole number from 0 to {most}"
            ));
        };
        whole.push((op.as_str(), price));
    }
    Convention::own(name, whole).map_err(|why| match named {
        true => why,
        false => format!("{why} (the name is that of the file unless it says name = \"...\")"),
    })
}

/// What a file says wrong as TOML, in one line.
fn unread(text: &str, why: &toml::de::Error) -> String {
    let what = why.message();
    match why.span() {
        Some(at) => format!("line {}: {what}", text[..at.start].matches('\n').count() + 1),
        None => what.to_owned(),
    }
}
