//! As many messages as wanted: those of `models/data/messages/`, their sentences recombined within a
//! category, each with an invented place so that the vocabulary grows with the number of messages.

use std::collections::BTreeMap;
use std::path::Path;

use qingting_pipeline::topic::TopicDocument;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

/// Weight of a title beside its text, as in calls that are stored.
const TITLE_WEIGHT: f64 = 2.0;
/// What follows the invented name of a place.
const PLACES: [&str; 8] = ["小区", "花园", "大厦", "公寓", "大道", "市场", "村", "广场"];

/// What the messages of a category are made of.
#[derive(Default)]
struct Stock {
    titles: Vec<String>,
    sentences: Vec<String>,
    /// Sentences of each message.
    lengths: Vec<usize>,
}

/// So many messages in a random order, the same for the same seed.
pub(crate) fn generate(count: usize, seed: u64) -> Vec<TopicDocument> {
    let stock = read();
    let names: Vec<char> = {
        let used: std::collections::BTreeSet<char> =
            stock.iter().flat_map(|(_, s)| &s.titles).flat_map(|t| t.chars()).filter(|c| *c >= '一').collect();
        used.into_iter().collect()
    };
    // A category is as frequent as in the data.
    let of_message: Vec<usize> =
        stock.iter().enumerate().flat_map(|(i, (_, s))| std::iter::repeat_n(i, s.titles.len())).collect();
    let mut rng = StdRng::seed_from_u64(seed);
    (0..count)
        .map(|i| {
            let (category, stock) = &stock[pick(&of_message, &mut rng)];
            let length = pick(&stock.lengths, &mut rng);
            let name: String = (0..2).map(|_| pick(&names, &mut rng)).collect();
            let place = pick(&PLACES, &mut rng);
            let mut text = format!("我住在{name}{place}。");
            for _ in 0..length {
                text.push_str(&stock.sentences[rng.random_range(0..stock.sentences.len())]);
            }
            let title = stock.titles[rng.random_range(0..stock.titles.len())].clone();
            TopicDocument {
                call_id: format!("message-{i:06}"),
                passages: vec![(title, TITLE_WEIGHT), (text, 1.0)],
                category: category.split('/').map(str::to_owned).collect(),
            }
        })
        .collect()
}

fn pick<T: Copy>(from: &[T], rng: &mut StdRng) -> T {
    from[rng.random_range(0..from.len())]
}

/// The project's messages by category, in the order of the names.
fn read() -> Vec<(String, Stock)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("models/data/messages");
    let mut files: Vec<_> = std::fs::read_dir(&dir)
        .expect("the messages are in the repository")
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("12345_")))
        .collect();
    files.sort();
    let mut stock: BTreeMap<String, Stock> = BTreeMap::new();
    for file in files {
        let mut reader =
            csv::ReaderBuilder::new().delimiter(b'\t').quoting(false).from_path(&file).expect("a readable file");
        for row in reader.records() {
            let row = row.expect("a row of category, title and text");
            let entry = stock.entry(row[0].to_owned()).or_default();
            let before = entry.sentences.len();
            entry.sentences.extend(row[2].split_inclusive(['。', '！', '？']).map(str::to_owned));
            entry.lengths.push(entry.sentences.len() - before);
            entry.titles.push(row[1].to_owned());
        }
    }
    stock.into_iter().collect()
}
