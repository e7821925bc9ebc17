//! What an operation costs, under one of the price lists that are in use or under one's own. It knows no file: lists
//! are read where they lie.

#[cfg(feature = "schema")]
use std::borrow::Cow;
use std::{
    fmt,
    str::FromStr,
    sync::{Mutex, PoisonError},
};

#[cfg(feature = "schema")]
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::kind::Op;

/// A named price list that turns operations into FLOPs; printed with every number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Convention {
    /// Arithmetic and elementary functions are 1, a fused multiply-add 2, the rest 0.
    #[default]
    Ieee,
    /// Arithmetic, `neg`, `abs` and `minmax` are 1, a fused multiply-add 2, elementary functions
    /// 10, the rest 0: the table behind the published Qwen estimator.
    Primitive,
    /// `add` and `mul` are 1, a fused multiply-add 2, the rest 0: what NVIDIA's roofline sums.
    Ncu,
    /// A list of one's own: see [`Self::own`].
    Own(&'static PriceList),
}

/// The prices of a convention that has no name here.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct PriceList {
    name: String,
    /// By operation, in the order of [`Op::ALL`].
    prices: [u64; Op::ALL.len()],
    /// The prices as text.
    text: String,
}

/// The lists that were made. A list stays for as long as the program runs, so that a convention is copied like a number;
/// the same list is made once.
static OWN: Mutex<Vec<&PriceList>> = Mutex::new(Vec::new());

impl Convention {
    /// The conventions that have names here.
    pub const ALL: [Self; 3] = [Self::Ieee, Self::Primitive, Self::Ncu];

    /// The most that an operation may cost: FLOPs have 64 bits, and the largest counts of a run have some 57.
    pub const MOST: u64 = 100;

    /// A convention of one's own: the price of each operation that has one, by its name in reports (`fma`); the rest
    /// costs 0.
    ///
    /// # Errors
    /// One line, where the name is not of letters, digits, `_`, `-` and `.`, or is that of a convention here, where there
    /// is no such operation or it is priced twice, or where a price exceeds [`Self::MOST`].
    pub fn own<'a>(
        name: &str,
        prices: impl IntoIterator<Item = (&'a str, u64)>,
    ) -> Result<Self, String> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if name.is_empty() || !name.chars().all(is_plain) {
            return Err(format!(
                "a convention's name is of letters, digits, '_', '-' and '.', and '{name}' is not"
            ));
        }
        if Self::ALL.iter().any(|known| known.name() == name) {
            return Err(format!("'{name}' is a convention already: give yours another name"));
        }
        let mut of_ops = [None; Op::ALL.len()];
        for (op, price) in prices {
            let Some(at) = Op::ALL.iter().position(|known| known.name() == op) else {
                let known = Op::ALL.iter().filter(|op| op.is_of_floats()).map(|op| op.name());
                let known = Vec::from_iter(known).join(", ");
                return Err(format!("no operation is called '{op}': there are {known}"));
            };
            if !Op::ALL[at].is_of_floats() {
                return Err(format!(
                    "'{op}' is of integers alone, and no operation of integers is a FLOP"
                ));
            }
            if price > Self::MOST {
                return Err(format!("'{op}' costs {price}, and the most is {}", Self::MOST));
            }
            if of_ops[at].replace(price).is_some() {
                return Err(format!("'{op}' is priced twice"));
            }
        }
        let prices = of_ops.map(Option::unwrap_or_default);
        let list = PriceList { name: name.to_owned(), prices, text: text(&prices) };
        let mut made = OWN.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = made.iter().find(|known| ***known == list) {
            return Ok(Self::Own(known));
        }
        let list = Box::leak(Box::new(list));
        made.push(list);
        Ok(Self::Own(list))
    }

    /// The name that a report prints, and that a user types of those that have a name here.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ieee => "ieee",
            Self::Primitive => "primitive",
            Self::Ncu => "ncu",
            Self::Own(list) => list.name.as_str(),
        }
    }

    /// The price list in one line, for the head of a report.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Ieee => {
                "add mul div rem sqrt rsqrt exp log pow trig tanh = 1, fma = 2, the rest 0"
            }
            Self::Primitive => {
                "add neg mul div abs minmax = 1, fma = 2, exp log pow sqrt rsqrt trig tanh = 10, the rest 0"
            }
            Self::Ncu => "add mul = 1, fma = 2, the rest 0",
            Self::Own(list) => list.text.as_str(),
        }
    }

    /// Name and prices, as the head of a report has them.
    pub fn in_full(self) -> String {
        format!("convention {}: {}", self.name(), self.describe())
    }

    /// FLOPs for one operation.
    pub const fn price(self, op: Op) -> u64 {
        use Op::*;
        match (self, op) {
            (Self::Own(list), op) => list.prices[op as usize],
            (_, Fma) => 2,
            (_, Add | Mul) => 1,
            (Self::Ieee, Div | Rem | Sqrt | Rsqrt | Exp | Log | Pow | Trig | Tanh) => 1,
            (Self::Ieee, Neg | Abs | MinMax) => 0,
            (Self::Primitive, Div | Neg | Abs | MinMax) => 1,
            (Self::Primitive, Exp | Log | Pow | Sqrt | Rsqrt | Trig | Tanh) => 10,
            (Self::Primitive, Rem) => 0,
            (Self::Ncu, Div | Rem | Neg | Abs | MinMax) => 0,
            (Self::Ncu, Sqrt | Rsqrt | Exp | Log | Pow | Trig | Tanh) => 0,
            (_, Round | Compare | Select | Convert | Bit | Sample | Trace) => 0,
        }
    }
}

/// Prices in one line: the operations of each price, cheapest first.
fn text(prices: &[u64; Op::ALL.len()]) -> String {
    let mut levels: Vec<u64> = prices.iter().copied().filter(|&price| price != 0).collect();
    levels.sort_unstable();
    levels.dedup();
    let mut text = String::new();
    for level in levels {
        for (op, _) in Op::ALL.iter().zip(prices).filter(|&(_, &price)| price == level) {
            text += op.name();
            text += " ";
        }
        text += &format!("= {level}, ");
    }
    text + REST
}

/// How each price list ends.
const REST: &str = "the rest 0";

impl fmt::Display for Convention {
    /// The name, and the prices of a convention that has none here, so that they are parsed again.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ieee | Self::Primitive | Self::Ncu => f.write_str(self.name()),
            Self::Own(PriceList { name, text, .. }) => write!(f, "{name}: {text}"),
        }
    }
}

impl From<Convention> for String {
    fn from(convention: Convention) -> Self {
        convention.to_string()
    }
}

impl TryFrom<String> for Convention {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl FromStr for Convention {
    type Err = String;

    /// Reads what [`fmt::Display`] writes.
    fn from_str(s: &str) -> Result<Self, String> {
        if let Some(known) = Self::ALL.into_iter().find(|convention| convention.name() == s) {
            return Ok(known);
        }
        let Some((name, list)) = s.split_once(':') else {
            let names = Self::ALL.map(Self::name).join(", ");
            return Err(format!("unknown convention '{s}': one of {names}"));
        };
        let mut prices = Vec::new();
        for part in list.split(',').map(str::trim).filter(|&part| part != REST) {
            let price = part
                .split_once('=')
                .and_then(|(ops, price)| Some((ops, price.trim().parse().ok()?)));
            let Some((ops, price)) = price else {
                return Err(format!("'{part}' is no price: say it as in 'add mul = 1'"));
            };
            if ops.trim().is_empty() {
                return Err(format!("'{part}' prices no operation: say it as in 'add mul = 1'"));
            }
            prices.extend(ops.split_whitespace().map(|op| (op, price)));
        }
        Self::own(name, prices)
    }
}

#[cfg(feature = "schema")]
impl JsonSchema for Convention {
    fn schema_name() -> Cow<'static, str> {
        "Convention".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names = Self::ALL.map(Self::name).join("|");
        json_schema!({
            "description": "A price list that turns operations into FLOPs: the name of one that flopmeter has, or a \
                            name and the prices of another (`mine: add mul = 1, fma = 2, the rest 0`).",
            "type": "string",
            "pattern": format!("^({names}|[A-Za-z0-9_.-]+: .*{REST})$"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_of_ones_own_is_read_as_it_is_written() {
        let own = Convention::own("mine", [("fma", 2), ("mul", 1), ("add", 1), ("tanh", 20)])
            .expect("a list");
        assert_eq!(own.to_string(), "mine: add mul = 1, fma = 2, tanh = 20, the rest 0");
        assert_eq!(own.to_string().parse(), Ok(own));
        assert_eq!((own.price(Op::Tanh), own.price(Op::Add), own.price(Op::Div)), (20, 1, 0));
        for op in Op::ALL.into_iter().filter(|op| op.is_of_floats()) {
            let alone = Convention::own("one", [(op.name(), 7)]).expect("a list");
            let priced: Vec<Op> = Op::ALL.into_iter().filter(|&op| alone.price(op) != 0).collect();
            assert_eq!(priced, [op]);
        }
        let nothing = Convention::own("nothing", []).expect("a list");
        assert_eq!(nothing.to_string().parse(), Ok(nothing));
    }

    #[test]
    fn what_conventions_are_described_by_is_what_they_price() {
        for convention in Convention::ALL {
            let list =
                format!("same: {}", convention.describe()).parse::<Convention>().expect("a list");
            assert_eq!(Op::ALL.map(|op| list.price(op)), Op::ALL.map(|op| convention.price(op)));
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for (text, why) in [
            ("mine: fuse = 2", "no operation is called 'fuse'"),
            ("mine: fma = 101", "'fma' costs 101, and the most is 100"),
            ("mine: fma = 2, fma = 1", "'fma' is priced twice"),
            ("mine: fma = 0.5", "'fma = 0.5' is no price"),
            ("ieee: fma = 2", "'ieee' is a convention already"),
            (": fma = 2", "a convention's name"),
            ("mine: = 2", "'= 2' prices no operation"),
            ("own", "unknown convention 'own': one of ieee, primitive, ncu"),
        ] {
            let error = text.parse::<Convention>().expect_err(text);
            assert!(error.contains(why), "{error}");
        }
    }
}
