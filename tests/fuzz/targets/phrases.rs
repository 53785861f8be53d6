//! Documents of the phrase library, and what is chosen from them for words that an agent said: behind a line of `====`.

use qingting::coaching::phrases::{Phrases, Sector};
use qingting::coaching::sheet_text;
use qingting_pipeline::assets::{Asset, Assets};
use qingting_pipeline::finding::{Catalog, CodeInfo};

use super::{Run, few, sections};

pub(super) const WORDS: &[&str] = &[
    "[[phrase]]",
    "id",
    "code",
    "sector",
    "situation",
    "caller",
    "said",
    "instead",
    "why",
    "\"impatience\"",
    "\"deflection\"",
    "\"crisis\"",
    "\"government\"",
    "\"bank\"",
    "\"\"",
    "'''",
];

struct Library {
    catalog: Catalog,
}

/// Phrases.
pub(super) fn open() -> Box<dyn Run> {
    Box::new(Library { catalog: Catalog::guide() })
}

impl Run for Library {
    fn seeds(&self) -> Vec<Vec<u8>> {
        let files = Assets::embedded().read_dir("phrases", "toml").unwrap();
        files.into_iter().map(|file| file.text.as_bytes().to_vec()).collect()
    }

    fn run(&mut self, input: &[u8]) -> String {
        let parts = sections(input);
        let text = String::from_utf8_lossy(parts[0]).into_owned();
        let heard = String::from_utf8_lossy(parts.get(1).copied().unwrap_or_default()).into_owned();
        let mut phrases = Phrases::default();
        let asset = Asset { origin: "phrases.toml".into(), text: text.into() };
        if let Err(error) = phrases.add(&asset, &self.catalog) {
            let told = error.to_string();
            assert!(told.contains("phrases.toml"), "{told}");
            return format!("refused {}", told.chars().skip_while(|c| *c != ' ').take(12).collect::<String>());
        }
        for phrase in phrases.iter() {
            assert!(self.catalog.get(&phrase.code).is_some_and(CodeInfo::is_fault));
            for sector in Sector::ALL {
                let found = phrases.suggest(&phrase.code, sector, &[&heard], 2);
                assert!(!found.is_empty() && found.iter().all(|other| other.code == phrase.code));
            }
            assert!(!sheet_text::phrase(phrase).contains("<script"));
        }
        format!("{} phrases", few(phrases.iter().count()))
    }
}
