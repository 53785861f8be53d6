//! The category of a call in a tree of categories (`config/taxonomy/NAME.toml`), from broad to
//! narrow, as heads over the call's words judge it. Owns the tree and the way down it; the heads
//! are trained by `qingting models train --task category`, and finding new subjects is the topic
//! stage's business.

use std::sync::Arc;

use qingting_models::text::{Part, Reader, TextModel};
use serde::Deserialize;

use super::FactConfig;
use crate::assets::{Assets, parse_toml};
use crate::learned::{Documents, Learned};
use crate::record::{CallContext, Role};
use crate::segment::{ContentWords, Segmenter};
use crate::{Error, Result};

/// Fewest words with content for a category to be told.
const FEWEST_WORDS: usize = 2;
/// What stands where nothing on an axis is likely enough.
const OTHER: &str = "其他";

/// A tree of categories, or several axes of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Taxonomy {
    /// What it is called.
    pub title: String,
    /// Whether it claims to foresee every matter.
    pub complete: bool,
    /// Whether each branch is an axis on which every call has a value.
    #[serde(default)]
    pub axes: bool,
    /// Broad categories, or axes.
    #[serde(rename = "branch")]
    pub branches: Vec<Branch>,
}

/// A broad category with the narrower ones in it, or an axis with its values.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// Names below it.
    #[serde(default)]
    pub children: Vec<String>,
}

impl Taxonomy {
    /// Reads `taxonomy/NAME.toml`.
    ///
    /// # Errors
    /// When there is none of that name, it is not of the form, or a name is empty, has a slash or comes
    /// twice.
    pub fn load(name: &str, assets: &Assets) -> Result<Self> {
        let asset = assets.read(&format!("taxonomy/{name}.toml"))?;
        let tree: Self = parse_toml(&asset)?;
        let mut heads = tree.heads();
        let count = heads.len();
        heads.sort();
        heads.dedup();
        let names = tree.branches.iter().flat_map(|branch| branch.children.iter().chain([&branch.name]));
        let message = if heads.len() < count {
            "a category comes twice"
        } else if heads.is_empty() || names.into_iter().any(|name| name.trim().is_empty() || name.contains('/')) {
            "a category needs a name without a slash"
        } else {
            return Ok(tree);
        };
        Err(Error::in_line(&asset, 1, message))
    }

    /// The heads that tell its categories: `城乡建设`, `城乡建设/停车管理`, and on an axis `业务:贷款`.
    pub fn heads(&self) -> Vec<String> {
        let below = |branch: &Branch| -> Vec<String> {
            let join = if self.axes { ':' } else { '/' };
            branch.children.iter().map(|child| format!("{}{join}{child}", branch.name)).collect()
        };
        let one =
            |branch: &Branch| (!self.axes).then(|| branch.name.clone()).into_iter().chain(below(branch)).collect();
        self.branches.iter().flat_map(|branch| -> Vec<String> { one(branch) }).collect()
    }

    /// The heads that apply to a labelled path, narrow ones after broad ones; `None` when the tree has no
    /// such path.
    pub fn heads_of(&self, path: &[&str]) -> Option<Vec<String>> {
        if self.axes {
            let values = path.iter().zip(&self.branches);
            let known = values.map(|(value, axis)| {
                axis.children.iter().any(|child| child == value).then(|| format!("{}:{value}", axis.name))
            });
            return known.collect();
        }
        let branch = self.branches.iter().find(|branch| Some(&branch.name.as_str()) == path.first())?;
        match path {
            [top] => Some(vec![(*top).to_owned()]),
            [top, child] if branch.children.iter().any(|name| name == child) => {
                Some(vec![(*top).to_owned(), format!("{top}/{child}")])
            }
            _ => None,
        }
    }
}

/// A branch as its heads see it.
#[derive(Debug)]
struct Limb {
    name: String,
    column: Option<usize>,
    children: Vec<(usize, String)>,
}

/// The heads, with what reads texts for them.
#[derive(Debug)]
struct Model {
    heads: Arc<TextModel>,
    reader: Reader,
}

/// Tells categories; without heads none.
#[derive(Debug)]
pub struct CategoryReader {
    model: Option<Model>,
    documents: Option<Arc<Documents>>,
    content: ContentWords,
    limbs: Vec<Limb>,
    axes: bool,
    least: f32,
}

/// A category, with the probability that it is right.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Category {
    /// From broad to narrow; empty where none is told.
    pub path: Vec<String>,
    /// Probability of the whole path, 0 to 1.
    pub confidence: f32,
}

impl CategoryReader {
    /// The reader of the tree that the settings name.
    ///
    /// # Errors
    /// When the tree or the stop words cannot be read.
    pub(super) fn load(
        config: &FactConfig,
        assets: &Assets,
        learned: &Learned,
        segmenter: &Arc<Segmenter>,
    ) -> Result<Self> {
        let tree = Taxonomy::load(&config.taxonomy, assets)?;
        let content = ContentWords::new(Arc::clone(segmenter), assets)?;
        let model = learned.categories().and_then(|shelf| shelf.get(&config.taxonomy)).cloned().map(Arc::new);
        Ok(Self::new(&tree, model, learned.documents().cloned(), content, config.category_confidence))
    }

    /// Over the heads of a model that the tree has.
    pub fn new(
        tree: &Taxonomy,
        model: Option<Arc<TextModel>>,
        documents: Option<Arc<Documents>>,
        content: ContentWords,
        least: f32,
    ) -> Self {
        let heads = model.as_deref().map_or(&[][..], TextModel::heads);
        let column = |name: &str| heads.iter().position(|head| head == name);
        let join = if tree.axes { ':' } else { '/' };
        let limb = |branch: &Branch| Limb {
            column: column(&branch.name),
            children: branch
                .children
                .iter()
                .filter_map(|child| Some((column(&format!("{}{join}{child}", branch.name))?, child.clone())))
                .collect(),
            name: branch.name.clone(),
        };
        Self {
            limbs: tree.branches.iter().map(limb).collect(),
            axes: tree.axes,
            model: model.zip(documents.as_ref()).map(|(heads, documents)| {
                let part = Part { model: &heads, field: 0, meaning: false };
                Model { reader: Reader::new(&[part], documents.vectors()), heads }
            }),
            documents,
            content,
            least,
        }
    }

    /// The category of a call, by what agent and caller say.
    pub(super) fn call(&self, context: &CallContext<'_>) -> Category {
        let spoken = |turn: &usize| matches!(context.role(*turn), Role::Caller | Role::Agent | Role::Other);
        if self.model.is_none() {
            return Category::default();
        }
        let turns = (0..context.turns.len()).filter(spoken);
        let cut = turns.map(|turn| (&context.turns[turn], context.tokens[turn].as_slice()));
        self.read_words(&self.content.joined_turns(cut))
    }

    /// The category of a normalized and masked text.
    pub fn read(&self, text: &str) -> Category {
        if self.model.is_none() {
            return Category::default();
        }
        self.read_words(&self.content.joined(text))
    }

    /// The category of a text that is cut already: its words with content, joined by spaces.
    pub fn read_words(&self, words: &str) -> Category {
        let (Some(model), Some(documents)) = (&self.model, &self.documents) else {
            return Category::default();
        };
        if words.split(' ').count() < FEWEST_WORDS {
            return Category::default();
        }
        let mut margins = model.heads.begin(&documents.vectors().vector(words));
        model.reader.add(0, &model.heads, 0, &model.reader.read(words, 1), &mut margins);
        if self.axes {
            self.along_axes(&margins)
        } else {
            self.down_the_tree(&margins)
        }
    }

    fn along_axes(&self, margins: &[f32]) -> Category {
        let mut category = Category { path: Vec::new(), confidence: 1.0 };
        for axis in &self.limbs {
            match likeliest(axis.children.iter().map(|(column, _)| margins[*column])) {
                Some((best, chance)) if chance >= self.least => {
                    category.path.push(axis.children[best].1.clone());
                    category.confidence *= chance;
                }
                _ => category.path.push(OTHER.to_owned()),
            }
        }
        if category.path.iter().all(|value| value == OTHER) {
            Category::default()
        } else {
            category
        }
    }

    fn down_the_tree(&self, margins: &[f32]) -> Category {
        let told: Vec<(&Limb, f32)> =
            self.limbs.iter().filter_map(|limb| limb.column.map(|column| (limb, margins[column]))).collect();
        let Some((best, confidence)) = likeliest(told.iter().map(|(_, margin)| *margin)) else {
            return Category::default();
        };
        if confidence < self.least {
            return Category::default();
        }
        let limb = told[best].0;
        let mut category = Category { path: vec![limb.name.clone()], confidence };
        if let Some((child, chance)) = likeliest(limb.children.iter().map(|(column, _)| margins[*column]))
            && chance >= self.least
        {
            category.path.push(limb.children[child].1.clone());
            category.confidence *= chance;
        }
        category
    }
}

/// The largest of some margins, and its share of their softmax.
fn likeliest(margins: impl Iterator<Item = f32>) -> Option<(usize, f32)> {
    let margins: Vec<f32> = margins.collect();
    let (best, largest) = margins.iter().copied().enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
    Some((best, 1.0 / margins.iter().map(|margin| (margin - largest).exp()).sum::<f32>()))
}

#[cfg(test)]
mod tests {
    use qingting_models::text::{Example, Training};

    use super::*;
    use crate::learned::category_fields;
    use crate::segment::SegmentConfig;

    fn taxonomy(text: &str) -> Result<Taxonomy> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("taxonomy")).unwrap();
        std::fs::write(dir.path().join("taxonomy/x.toml"), text).unwrap();
        Taxonomy::load("x", &Assets::with_overlay(dir.path()).unwrap())
    }

    fn reader(tree: &Taxonomy, said: &[(&str, &[&str])], least: f32) -> CategoryReader {
        let assets = Assets::embedded();
        let segmenter = Arc::new(Segmenter::new(&SegmentConfig::default(), &assets).unwrap());
        let content = ContentWords::new(segmenter, &assets).unwrap();
        let documents = Arc::new(Documents::load().unwrap());
        let heads = tree.heads();
        let example = |(text, path): &(&str, &[&str])| Example {
            document: documents.category(&content.joined(text)),
            labels: heads.iter().map(|head| Some(tree.heads_of(path).unwrap().contains(head))).collect(),
            weight: 1.0,
        };
        let examples: Vec<Example> = said.iter().flat_map(|said| vec![example(said); 3]).collect();
        let how = Training { cost: (1.0, 1.0), seed: 1, keep: usize::MAX, meaning: None };
        let model = TextModel::train(category_fields(), &heads, &examples, &how).scaled(4.0);
        CategoryReader::new(tree, Some(Arc::new(model)), Some(documents), content, least)
    }

    #[test]
    fn a_text_goes_down_the_tree_as_far_as_is_likely() {
        let tree = taxonomy(
            "title='t'\ncomplete=false\n[[branch]]\nname='交通'\nchildren=['公交','地铁']\n[[branch]]\nname='环保'\n",
        )
        .unwrap();
        let said: [(&str, &[&str]); 3] = [
            ("公交司机甩站不停", &["交通", "公交"]),
            ("地铁闸机故障出不去", &["交通", "地铁"]),
            ("工厂排放废气污染", &["环保"]),
        ];
        let reader = reader(&tree, &said, 0.4);
        let read = |text: &str| reader.read(text).path;
        assert_eq!(read("公交司机又甩站了"), ["交通", "公交"]);
        assert_eq!(read("废气污染严重"), ["环保"]);
        assert!(read("喂，你好").is_empty());
        let category = reader.read("地铁闸机故障");
        assert!(category.confidence > 0.5 && category.confidence <= 1.0, "{category:?}");
    }

    #[test]
    fn axes_each_have_a_value() {
        let tree = taxonomy(
            "title='t'\ncomplete=false\naxes=true\n[[branch]]\nname='业务'\nchildren=['贷款','银行卡']\n\
             [[branch]]\nname='渠道'\nchildren=['柜台','电话']\n",
        )
        .unwrap();
        let said: [(&str, &[&str]); 2] = [
            ("贷款利率柜台办理", &["贷款", "柜台"]),
            ("信用卡客服电话催收", &["银行卡", "电话"]),
        ];
        let reader = reader(&tree, &said, 0.6);
        assert_eq!(reader.read("贷款利率柜台办理").path, ["贷款", "柜台"]);
        assert!(reader.read("天空下雨").path.is_empty());
    }

    #[test]
    fn trees_that_are_wrong_are_refused() {
        let error = |text: &str| taxonomy(text).unwrap_err().to_string();
        let head = "title='t'\ncomplete=false\n";
        assert!(error(&format!("{head}[[branch]]\nname='甲'\n[[branch]]\nname='甲'\n")).contains("comes twice"));
        assert!(error(&format!("{head}[[branch]]\nname='甲/乙'\n")).contains("without a slash"));
        assert!(error("title='t'\n").contains("missing field"));
        assert!(Taxonomy::load("nothing", &Assets::embedded()).is_err());
    }

    #[test]
    fn shipped_trees_can_be_read_and_say_that_they_are_incomplete() {
        for name in ["12345", "finance"] {
            assert!(!Taxonomy::load(name, &Assets::embedded()).unwrap().complete, "{name}");
        }
    }
}
