//! The data folder with the real call index.

use super::*;
use crate::Error;
use crate::calls::{CallQuery, NoLookup};
use crate::data::hook::Step;
use crate::data::index::OpenCallIndex;

pub(super) fn ids(data: &DataDir, text: &str) -> Vec<String> {
    let query = CallQuery { text: Some(text.to_owned()), ..CallQuery::default() };
    let mut ids: Vec<String> =
        data.search(&query, &NoLookup).unwrap().hits.into_iter().map(|hit| hit.call_id).collect();
    ids.sort();
    ids
}

pub(super) fn real_context() -> Context {
    let (segmenter, normalizer) = crate::testing::segmenter_and_normalizer();
    Context::with_index(Arc::new(OpenCallIndex { segmenter, normalizer, synonyms: Arc::default() }))
}

/// A call in which one thing is said.
pub(super) fn saying(id: &str, started_at: &str, text: &str) -> Analyzed {
    let Analyzed { mut record, mut analysis, .. } = call(id, started_at, "a");
    record.turns = vec![Turn::timed(Role::Caller, 0, 2000, text)];
    text.clone_into(&mut analysis.turns[0].text);
    Analyzed::new(record, analysis)
}

#[test]
fn searches_find_what_the_store_holds_through_crashes_and_reindexing() {
    let context = real_context();
    let call = |id: &str, text: &str| saying(id, "2026-03-01T09:00:00+08:00", text);
    let dir = tempfile::tempdir().unwrap();
    let open = || DataDir::open_writer(dir.path(), context.clone(), "test").unwrap();

    let data = open();
    ingest(&data, vec![call("1", "小区暖气一直不热"), call("2", "医保卡怎么补办")]);
    assert_eq!(ids(&data, "暖气"), ["1"]);
    data.append(vec![call("3", "楼道暖气管漏水")], "").unwrap();
    assert_eq!(ids(&data, "暖气"), ["1"], "not before the commit");
    data.commit().unwrap();
    assert_eq!(ids(&data, "暖气"), ["1", "3"]);

    data.hook.set(|step| step == Step::Indexed);
    let mut session = data.ingest().unwrap();
    session.put_batch(vec![call("1", "路灯不亮")], "x").unwrap();
    session.finish().unwrap_err();
    drop(data);
    let data = open();
    assert_eq!((ids(&data, "暖气"), ids(&data, "路灯")), (vec!["3".to_owned()], vec!["1".to_owned()]));

    data.reindex(|_, _| {}).unwrap();
    assert_eq!((ids(&data, "暖气"), ids(&data, "路灯")), (vec!["3".to_owned()], vec!["1".to_owned()]));
    ingest(&data, vec![call("4", "路灯太暗")]);
    assert_eq!(ids(&data, "路灯"), ["1", "4"]);
    data.close().unwrap();

    let reader = DataDir::open_reader(dir.path(), context.clone()).unwrap();
    assert_eq!(ids(&reader, "路灯"), ["1", "4"]);
    drop(reader);

    // As after a change of the dictionary.
    let stamp = dir.path().join("index/calls/built_with.json");
    let text = std::fs::read_to_string(&stamp).unwrap();
    let mut json: serde_json::Value = serde_json::from_str(&text).unwrap();
    json["analyzer"] = "another".into();
    std::fs::write(&stamp, json.to_string()).unwrap();
    let data = open();
    assert!(matches!(data.calls(), Err(Error::Stale { .. })));
    let error = data.append(vec![call("5", "路灯")], "").unwrap_err();
    assert!(matches!(error, Error::Stale { .. }), "{error}");
    assert!(data.get_call("4").unwrap().is_some(), "reading does not need the index");
    data.reindex(|_, _| {}).unwrap();
    data.append(vec![call("5", "路灯")], "").unwrap();
    data.commit().unwrap();
    assert_eq!(ids(&data, "路灯"), ["1", "4", "5"]);
}
