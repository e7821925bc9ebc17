//! A result as JSON, for other programs and for [`crate::result::load`].

use super::Format;

pub(super) const FORMAT: Format = Format {
    name: "json",
    about: "Write the report as JSON; - is standard output, in place of the table",
    render: |result, origin, _| result.to_json(origin),
};
