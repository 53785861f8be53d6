//! A toy model for tests: two layers, a vocabulary of characters, weights out of a fixed
//! sequence. Nothing has to be downloaded for it.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rust_bert::bert::{BertConfig, BertEmbeddings, BertModel};
use safetensors::tensor::{Dtype, TensorView, serialize_to_file};
use serde_json::json;
use tch::{Device, Tensor, nn};

use super::folder::{CONFIG, TOKENIZER, WEIGHTS};

const CHARACTERS: &str = "客服用户其他:好您请稍等快说别急谢谢不知道怎么办再讲一遍";

/// libtorch has one random generator a process, which every new network draws from.
static ALONE: Mutex<()> = Mutex::new(());

/// A folder with the toy model, removed when dropped. Tests that have one run one at a time.
pub(super) struct Toy {
    pub(super) dir: PathBuf,
    _alone: MutexGuard<'static, ()>,
}

impl Toy {
    pub(super) fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("qingting-toy-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        let toy = Self { dir, _alone: ALONE.lock().unwrap_or_else(PoisonError::into_inner) };
        toy.write();
        toy
    }

    fn write(&self) {
        let mut vocabulary: Vec<String> = ["<s>", "<pad>", "</s>", "<unk>"].map(str::to_owned).to_vec();
        for character in CHARACTERS.chars().map(String::from) {
            if !vocabulary.contains(&character) {
                vocabulary.push(character);
            }
        }
        let ids: serde_json::Map<_, _> =
            vocabulary.iter().zip(0..).map(|(token, id)| (token.clone(), json!(id))).collect();
        let tokenizer = json!({
            "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
            "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": false},
            "post_processor": {"type": "TemplateProcessing",
                "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}, {"SpecialToken": {"id": "</s>", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
                "special_tokens": {"<s>": {"id": "<s>", "ids": [0], "tokens": ["<s>"]}, "</s>": {"id": "</s>", "ids": [2], "tokens": ["</s>"]}}},
            "decoder": null,
            "model": {"type": "WordLevel", "vocab": ids, "unk_token": "<unk>"},
        });
        let config = json!({
            "model_type": "bert", "hidden_act": "gelu", "hidden_size": 32, "num_hidden_layers": 2,
            "num_attention_heads": 4, "intermediate_size": 64, "vocab_size": vocabulary.len(),
            "max_position_embeddings": 128, "type_vocab_size": 2, "attention_probs_dropout_prob": 0.1,
            "hidden_dropout_prob": 0.1, "initializer_range": 0.02, "layer_norm_eps": 1e-12,
        });
        std::fs::write(self.dir.join(CONFIG), config.to_string()).unwrap();
        std::fs::write(self.dir.join(TOKENIZER), tokenizer.to_string()).unwrap();

        let (store, _) = whole(&self.dir);
        let mut variables: Vec<(String, Tensor)> = store.variables().into_iter().collect();
        variables.sort_by(|a, b| a.0.cmp(&b.0));
        let mut state = 1u64;
        let numbers: Vec<(String, Vec<usize>, Vec<u8>)> = variables
            .into_iter()
            .map(|(name, variable)| {
                let norm = f32::from(u8::from(name.ends_with("LayerNorm.weight")));
                let bytes = (0..variable.numel()).flat_map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (norm + ((state >> 40) as f32 / (1u64 << 24) as f32 - 0.5) * 0.6).to_le_bytes()
                });
                let shape = variable.size().iter().map(|&n| n as usize).collect();
                let bytes = bytes.collect();
                // As checkpoints with a task head name them.
                (format!("bert.{name}"), shape, bytes)
            })
            .collect();
        let views = numbers
            .iter()
            .map(|(name, shape, bytes)| (name, TensorView::new(Dtype::F32, shape.clone(), bytes).unwrap()));
        serialize_to_file(views, &None, &self.dir.join(WEIGHTS)).unwrap();
    }
}

impl Drop for Toy {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.dir).unwrap();
    }
}

/// rust-bert's own model of the folder's configuration.
pub(super) fn whole(dir: &Path) -> (nn::VarStore, BertModel<BertEmbeddings>) {
    let config: BertConfig = serde_json::from_slice(&std::fs::read(dir.join(CONFIG)).unwrap()).unwrap();
    let store = nn::VarStore::new(Device::Cpu);
    let model = BertModel::new_with_optional_pooler(store.root(), &config, false);
    (store, model)
}
