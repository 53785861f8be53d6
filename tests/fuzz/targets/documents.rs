//! Drafts of documents: their names, what they change item by item and line by line, and whether they can be used.

use std::sync::Arc;

use qingting::documents::{Draft, Kind, Shelf, check, items, unified};
use qingting_pipeline::Pipeline;
use qingting_pipeline::assets::Assets;
use qingting_pipeline::config::PipelineConfig;

use super::{Run, few, pipeline, sections};

struct Drafts {
    pipeline: Arc<Pipeline>,
    config: PipelineConfig,
    shelf: Shelf,
}

pub(super) fn open() -> Box<dyn Run> {
    let shelf = Shelf::new(Assets::embedded(), []);
    Box::new(Drafts { pipeline: pipeline(), config: PipelineConfig::default(), shelf })
}

impl Run for Drafts {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let documents = self.shelf.list(&[]).unwrap().into_iter().filter(|document| document.text.len() < 20_000);
        documents
            .map(|document| format!("{}\n====\n{}", document.name, document.text).into_bytes())
            .collect()
    }

    /// A name, and what the document is to say.
    fn run(&mut self, input: &[u8]) -> String {
        let parts = sections(input);
        let text = |at: usize| parts.get(at).map(|part| String::from_utf8_lossy(part).into_owned()).unwrap_or_default();
        let (name, new) = (text(0), text(1));
        let kind = match Kind::of(&name) {
            Ok(kind) => kind,
            Err(message) => return message,
        };
        let old = self.shelf.get(&name).unwrap().map(|document| document.text).unwrap_or_default();
        let changes = items(kind, &old, &new);
        assert_eq!(items(kind, &new, &old).len(), changes.len());
        assert!(items(kind, &new, &new).is_empty());
        let lines = unified(("a", &old), ("b", &new));
        assert_eq!(lines.is_empty(), old == new);
        let outcome = match check(&self.pipeline, &self.config, &self.shelf, &[Draft { name, text: Some(new) }]) {
            Ok(checked) => format!("{:?} {}", checked.affected, few(checked.warnings.len())),
            Err(mistakes) => {
                assert!(!mistakes.is_empty());
                mistakes[0].message.clone()
            }
        };
        format!("{kind:?} {} {outcome}", few(changes.len()))
    }
}
