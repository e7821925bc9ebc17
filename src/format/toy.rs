//! A format that is there for tests alone, as evidence that a format is one file and one row: the titles of a
//! report's sections.

use super::Format;

pub(super) const FORMAT: Format = Format {
    name: "toy",
    about: "Write the titles of the report's sections",
    render: |result, _, every_layer| {
        let page = result.page(every_layer);
        page.sections.iter().map(|section| format!("{}\n", section.title)).collect()
    },
};

mod tests {
    use crate::{
        estimate::Estimate,
        family::BatchShape,
        format::FORMATS,
        model::Model,
        operation::Optimizer,
        result::{AdapterList, Origin, Tool},
    };

    #[test]
    fn every_result_is_written_in_a_format_that_is_a_row() {
        let toy = FORMATS.iter().find(|format| format.name == "toy").unwrap();
        let model = Model::resolve("resnet-bk", [""; 0]).unwrap();
        let shape = BatchShape::resolve(Default::default(), &model.config).unwrap();
        let estimate = Estimate::new(&model.config, shape, Optimizer::AdamW).unwrap();
        let date = "2026-01-02T03:04:05Z".to_owned();
        let origin = Origin { tool: Tool::FLOPMETER, command: Vec::new(), date };
        assert!((toy.render)(&estimate, &origin, false).lines().count() > 1);
        let list = AdapterList::new(Vec::new(), &[]);
        assert_eq!((toy.render)(&list, &origin, false).lines().count(), 1);
        assert_eq!(FORMATS.iter().filter(|format| format.name == "toy").count(), 1);
    }
}
