//! The letters and words that dimensions have in operations, uniform blocks, formulas and reports.

/// Every name of a dimension, and what it counts. A letter that two operations have from their own literature has
/// both meanings here, each with the operation.
pub const LETTERS: [(&str, &str); 27] = [
    ("A", "items that are sorted: assignments of tokens to experts, T K, or tokens"),
    ("B", "sequences of a batch"),
    ("CHUNK", "items that one workgroup sorts, or steps of a recursion that one lane takes"),
    ("COLUMN", "the first column of a window"),
    ("D", "elements of a row: the width of a token's representation"),
    ("E", "experts"),
    ("FIRST", "the first row of a window"),
    ("G", "groups: of rows with a weight each, or keys of a sort"),
    ("HEADS", "heads of queries, n"),
    ("K", "experts of a token; in a matrix product, input features"),
    ("KV_HEADS", "heads of keys and values"),
    ("M", "rows"),
    ("N", "tokens of a sequence; in a matrix product, output features; columns of a window"),
    ("P", "elements or parameters; in an embedding, learned positions"),
    ("PARTIALS", "shares in which a whole tensor is summed first"),
    ("ROTARY", "elements of a head that rotary positions turn"),
    ("ROWS", "rows of a window"),
    ("S", "tokens of a sequence in attention and rotary positions"),
    ("T", "tokens of a batch, B N"),
    ("V", "vocabulary; columns of the tensor that a window is of"),
    ("WIDTH", "elements of a head, d"),
    ("WINDOW", "keys that a query meets at most, itself among them"),
    ("accumulate", "1 where a result is added to what is there, else 0"),
    ("H", "hidden width of a decoder"),
    ("I", "width between the products of a decoder's feed-forward network"),
    ("L", "layers"),
    ("r", "rank of an adapter"),
];

/// What a dimension counts; `None` where there is no such name.
pub fn meaning(name: &str) -> Option<&'static str> {
    LETTERS.iter().find(|(letter, _)| *letter == name).map(|(_, meaning)| *meaning)
}
