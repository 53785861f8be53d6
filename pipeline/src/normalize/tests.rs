//! Tests of the stage as a whole: what is masked in a call, and what must not be.

use proptest::prelude::*;

use super::*;
use crate::record::{self, CallRecord, Particulars, Ticket, Turn};

fn normalizer() -> Normalizer {
    Normalizer::new(&NormalizeConfig::default(), &Assets::embedded()).unwrap()
}

fn masked(text: &str) -> String {
    normalizer().text(text).text
}

fn call(turns: &[(Role, &str)]) -> Vec<String> {
    let mut record = CallRecord::new("t");
    record.turns = turns.iter().map(|&(role, text)| Turn::new(role, text)).collect();
    normalizer().call(&record).into_iter().map(|t| t.text).collect()
}

use Role::{Agent, Caller};

#[test]
fn mobile_numbers_in_every_way_they_are_given() {
    for text in [
        "13800138000",
        "138 0013 8000",
        "138-0013-8000",
        "幺三八零零幺三八零零零",
        "幺三八，零零幺三，八零零零",
        "幺三八零零嗯幺三八零零零",
        "+86 13800138000",
        "一三八零零一三八零零零",
        "１３８００１３８０００",
    ] {
        assert!(masked(&format!("我的电话是{text}，麻烦记一下")).contains("[电话]，麻烦"), "{text}");
    }
    assert_eq!(masked("打幺三六零五五一八二七三一共两次"), "打[电话]一共两次");
    assert_eq!(masked("幺三八零零幺三八零零零幺三九零零幺三九零零零"), "[电话][电话]");
}

#[test]
fn identity_and_bank_cards() {
    assert_eq!(masked("身份证11010519491231002X。"), "身份证[身份证]。");
    assert_eq!(masked("一一零一零五，一九四九一二三一，零零二叉"), "[身份证]");
    assert_eq!(masked("老证是110105491231002吧"), "老证是[身份证]吧");
    assert_eq!(masked("卡号4111 1111 1111 1111"), "卡号[银行卡]");
    assert_eq!(masked("卡号四一一一，一一一一，一一一一，一一一一"), "卡号[银行卡]");
    assert_eq!(masked("银行卡6222020200012345675，您记一下"), "银行卡[银行卡]，您记一下", "a figure was misheard");
}

#[test]
fn ordinary_numbers_stay() {
    for text in [
        "打12345或者95588，投诉打400-811-1234，报警110",
        "工单号20240315000123，已经三天了",
        "订单号110105194912310021查不到",
        "2024年3月15日14点30分，交了12,500元",
        "今天下午三点四十一，幺零五路往火车站方向，有五六个人",
        "一共13，580，100，2000，都是现金",
        "单号是二六零四九九幺，您记一下",
        "G幺零五四次，十七点四十一到",
        "三号线五号口，十一号开始停水",
        "两室一厅，三楼，一百二十平",
        "我叫了救护车，我叫你们领导来，我叫单位的人去",
        "高三学生，感谢张先生，欧阳女士您好，那位先生说的",
        "我们那一栋三十六户都这样",
        "京东的单子，云a的信号不好，新的号",
    ] {
        assert_eq!(masked(text), text);
    }
}

#[test]
fn a_fixed_line_number_belongs_to_whoever_gives_it_first() {
    let turns = call(&[
        (Agent, "大厅电话是零五七一，八八八八，六六六六。"),
        (Caller, "零五七一八八八八六六六六，记住了。我家的是0571-87654321。"),
        (Agent, "好的，057187654321。手机是13800138000？"),
    ]);
    assert_eq!(turns[0], "大厅电话是零五七一，八八八八，六六六六。");
    assert_eq!(turns[1], "零五七一八八八八六六六六，记住了。我家的是[电话]。");
    assert_eq!(turns[2], "好的，[电话]。手机是[电话]？");
}

#[test]
fn a_number_may_go_over_several_turns() {
    let turns = call(&[
        (Agent, "您的手机号？"),
        (Caller, "幺三八，"),
        (Agent, "嗯"),
        (Caller, "零零幺三"),
        (Agent, "零零幺三"),
        (Caller, "八零零零。"),
    ]);
    assert_eq!([&turns[1], &turns[3], &turns[5]], ["[电话]，", "[电话]", "[电话]。"]);
}

#[test]
fn plates_and_mail() {
    assert_eq!(masked("车牌苏A12345停在门口"), "车牌[车牌]停在门口");
    assert_eq!(masked("浙B，D幺二三四五"), "[车牌]");
    assert_eq!(masked("发到zhang.san@example.com吧"), "发到[邮箱]吧");
    assert_eq!(masked("发到zhangsan艾特幺六三点com"), "发到[邮箱]");
}

#[test]
fn names_once_known_are_masked_everywhere() {
    let turns = call(&[
        (Agent, "您好，我叫李敏，您贵姓？"),
        (Caller, "我叫左永年，左右的左。"),
        (Agent, "左永年先生，请问还有别的吗？"),
        (Caller, "我姓左，左永年没错。"),
    ]);
    assert_eq!(
        turns,
        [
            "您好，我叫李敏，您贵姓？",
            "我叫[姓名]，左右的左。",
            "[姓名]先生，请问还有别的吗？",
            "我姓左，[姓名]没错。"
        ]
    );
    let turns = call(&[(Agent, "请说一下姓名。"), (Caller, "刘桂兰，桂花的桂")]);
    assert_eq!(turns[1], "[姓名]，桂花的桂");
    assert_eq!(masked("姓名：阿依古丽·买买提，电话13800138000"), "姓名：[姓名]，电话[电话]");
    let turns = call(&[(Agent, "您贵姓，住哪儿？怎么称呼？"), (Caller, "桂花巷二十号的，姓万")]);
    assert_eq!(turns[1], "桂花巷二十号的，姓万");
    assert_eq!(masked("我叫孙子写上了"), "我叫孙子写上了");
    assert_eq!(masked("我叫何志远我想问一下"), "我叫[姓名]我想问一下");
}

#[test]
fn addresses_keep_the_road() {
    assert_eq!(masked("我住幸福路12号3栋2单元501室，楼上漏水"), "我住幸福路[地址]，楼上漏水");
    assert_eq!(masked("向阳新村四十三栋一单元，幺零二室。"), "向阳新村[地址]。");
    assert_eq!(masked("枫叶苑三号楼二单元五零一暖气片漏水"), "枫叶苑[地址]暖气片漏水");
    assert_eq!(masked("光明街七十七号的五号楼"), "光明街七十七号的五号楼".replace("七十七号的五号楼", "[地址]"));
    let office = "您到和平路12号3号楼2层的政务大厅，就在和平路银行网点3号楼2单元";
    assert_eq!(call(&[(Agent, office)])[0], office);
}

#[test]
fn offsets_lead_back_to_the_recorded_text() {
    let raw = "\u{FEFF}我叫何志远， 电话\u{200B}138 0013 8000，㎡";
    let turn = normalizer().text(raw);
    assert_eq!(turn.text, "我叫[姓名]， 电话[电话]，m2");
    let chars: Vec<char> = raw.chars().collect();
    let recorded = |s: crate::record::Span| chars[s.start as usize..s.end as usize].iter().collect::<String>();
    assert_eq!(turn.masks.iter().map(|m| recorded(m.raw)).collect::<Vec<_>>(), ["何志远", "138 0013 8000"]);
    assert_eq!(turn.masks.iter().map(|m| turn.quote(m.span)).collect::<Vec<_>>(), ["[姓名]", "[电话]"]);
    assert_eq!(
        turn.masks.iter().map(|m| recorded(turn.raw_span(m.span))).collect::<Vec<_>>(),
        ["何志远", "138 0013 8000"]
    );
}

#[test]
fn the_stored_record_has_no_masked_words_and_no_personal_attributes() {
    let word = |text: &str| Word { text: text.into(), start_ms: 0, end_ms: 1 };
    let mut record = CallRecord::new("t");
    let mut turn = Turn::new(Caller, "我叫 何志远，电话幺三八零零幺三八零零零");
    turn.words = ["我叫", "何", "志远", "电话", "幺三八", "零零幺三八零零零"].map(word).to_vec();
    record.turns.push(turn);
    record.attributes.insert("联系电话".into(), "0571-87654321".into());
    record.attributes.insert("note".into(), "回拨13800138000".into());
    record.attributes.insert("title".into(), "关于Ａ区停水".into());
    let normalizer = normalizer();
    let stored = normalizer.masked_record(&record, &normalizer.call(&record));
    assert_eq!(stored.turns[0].words.iter().map(|w| w.text.as_str()).collect::<Vec<_>>(), ["我叫", "电话"]);
    assert_eq!(stored.attributes["联系电话"], "[电话]");
    assert_eq!(stored.attributes["note"], "回拨[电话]");
    assert_eq!(stored.attributes["title"], "关于Ａ区停水");
}

/// Only the turns and the plain attributes were looked at.
#[test]
fn particulars_in_nested_attributes_labels_and_tickets_were_stored() {
    let mut record = CallRecord::new("t");
    record
        .attributes
        .insert("customer".into(), r#"{"name":"欧阳建国","id":7,"more":[{"手机":13800138000}]}"#.into());
    record.attributes.insert("plain".into(), r#"{"b": 1, "a": [2.50]}"#.into());
    record.labels =
        serde_json::from_str(r#"{"turns": [{"turn": 1, "note": "回拨13800138000"}], "姓名": "欧阳建国", "n": 1}"#).ok();
    record.ticket = serde_json::from_str::<Ticket>(r#"{"id": "T1", "status": "已电话13800138000回访"}"#).ok();
    let stored = normalizer().masked_record(&record, &[]);
    assert_eq!(stored.attributes["customer"], r#"{"name":"[姓名]","id":7,"more":[{"手机":"[电话]"}]}"#);
    assert_eq!(stored.attributes["plain"], r#"{"b": 1, "a": [2.50]}"#, "what is not personal stays as it was");
    let labels = stored.labels.unwrap().to_string();
    assert_eq!(labels, r#"{"n":1,"turns":[{"note":"回拨[电话]","turn":1}],"姓名":"[姓名]"}"#);
    let ticket = stored.ticket.unwrap();
    assert_eq!((ticket.id.as_str(), ticket.status.as_deref()), ("T1", Some("已电话[电话]回访")));
}

#[test]
fn every_kind_has_its_switch() {
    let text = "我叫何志远，13800138000，11010519491231002X，苏A12345，a@b.cn，4111111111111111，幸福路3栋2单元501室";
    let on = NormalizeConfig::default();
    let cases = [
        (NormalizeConfig { mask_name: false, ..on.clone() }, "[姓名]"),
        (NormalizeConfig { mask_phone: false, ..on.clone() }, "[电话]"),
        (NormalizeConfig { mask_id_card: false, ..on.clone() }, "[身份证]"),
        (NormalizeConfig { mask_plate: false, ..on.clone() }, "[车牌]"),
        (NormalizeConfig { mask_email: false, ..on.clone() }, "[邮箱]"),
        (NormalizeConfig { mask_bank_card: false, ..on.clone() }, "[银行卡]"),
        (NormalizeConfig { mask_address: false, ..on.clone() }, "[地址]"),
    ];
    for (config, placeholder) in cases {
        let result = Normalizer::new(&config, &Assets::embedded()).unwrap().text(text).text;
        assert_eq!(result.matches('[').count(), 6, "{result}");
        assert!(!result.contains(placeholder), "{result}");
    }
    let off = Normalizer::new(&NormalizeConfig { mask: false, ..on }, &Assets::embedded()).unwrap();
    assert_eq!(off.text(text).text, text);
}

/// Text of the pieces that maskers look at, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "我叫",
        "姓名",
        "张",
        "伟",
        "何志远",
        "欧阳",
        "先生",
        "幺三八",
        "零零幺三",
        "八零零零",
        "13800138000",
        "138",
        "0013",
        "8000",
        "0571",
        "88886666",
        "11010519491231002X",
        "4111",
        "1111",
        "京A",
        "12345",
        "苏",
        "B",
        "D",
        "@",
        "qq.com",
        "艾特",
        "点",
        "号",
        "栋",
        "单元",
        "室",
        "路",
        "3",
        "二",
        "零一",
        "，",
        " ",
        "。",
        "-",
        "嗯",
        "十",
        "万",
        "一",
        "共",
        "[",
        "]",
        "[电话]",
        "x",
        "叉",
        "我我",
        "那个那个",
        "\n",
        "\u{200B}",
        "㎡",
        "①",
        "Ａ",
        "👍",
        "é",
        "著",
        "請",
        "·",
        "的",
        "电话",
        "身份证",
        "卡号",
    ]);
    prop::collection::vec(prop_oneof![9 => piece.prop_map(str::to_owned), 1 => "\\PC{0,6}"], 0..24)
        .prop_map(|v| v.concat())
}

/// A call as it comes in, full of what is masked.
fn personal() -> CallRecord {
    let mut record = CallRecord::new("t");
    record.caller = Some(record::Caller { id: Some("u1".into()), number: Some("13800138000".into()) });
    record.turns = vec![
        Turn::new(Role::Agent, "您好，请讲"),
        Turn::new(Role::Caller, "　我叫欧阳建国，电话是138 0013 8000，不是13900139000"),
        Turn::new(Role::Caller, "住翠微路88号院3号楼2单元1502"),
    ];
    record.attributes.insert("联系电话".into(), "010-62345678".into());
    record.attributes.insert("渠道".into(), "微信".into());
    record.ticket = Some(Ticket {
        id: "1".into(),
        status: Some("已电话13800138000回访".into()),
        ..Ticket::default()
    });
    record
}

#[test]
fn what_was_masked_can_be_put_back() {
    let normalizer = normalizer();
    let record = personal();
    let turns = normalizer.call(&record);
    let mut masked = normalizer.masked_record(&record, &turns);
    let particulars = Particulars::of(&record, &turns, &masked);
    let said: Vec<(u32, &str)> = particulars.spoken.iter().map(|said| (said.turn, said.text.as_str())).collect();
    assert_eq!(said[..3], [(1, "欧阳建国"), (1, "138 0013 8000"), (1, "13900139000")]);
    assert!(said[3].0 == 2 && said[3].1.contains("1502"), "{said:?}");
    assert_eq!(particulars.attributes.keys().collect::<Vec<_>>(), ["联系电话"]);
    assert!(!serde_json::to_string(&masked.turns).unwrap().contains("0013"));
    particulars.restore(&mut masked);
    assert_eq!(masked.turns[1].text, "我叫欧阳建国，电话是138 0013 8000，不是13900139000", "cleaned, and in clear");
    assert_eq!(
        (&masked.caller, &masked.ticket, &masked.attributes),
        (&record.caller, &record.ticket, &record.attributes)
    );
    let plain = CallRecord { turns: vec![Turn::new(Role::Caller, "停水三天了")], ..CallRecord::new("t") };
    let turns = normalizer.call(&plain);
    assert!(Particulars::of(&plain, &turns, &normalizer.masked_record(&plain, &turns)).is_empty());
}

#[test]
fn escaped_characters_of_json_are_masked_like_others() {
    let mut record = CallRecord::new("t");
    let escaped = r#"{"note":"\u6211\u7684\u7535\u8bdd\u662f\u5e7a\u4e09\u516b\u96f6\u96f6\u5e7a\u4e09\u516b\u96f6\u96f6\u96f6"}"#;
    assert!(escaped.is_ascii());
    record.attributes.insert("extra".into(), escaped.into());
    let kept = normalizer().masked_record(&record, &[]).attributes.remove("extra").unwrap();
    assert_eq!(kept, r#"{"note":"我的电话是[电话]"}"#);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn what_is_plainly_harmless_would_not_be_masked(text in "[ -~]{0,24}|[a-z0-9 .@+-]{0,24}") {
        if plainly_harmless(&text) {
            prop_assert!(normalizer().text(&text).masks.is_empty(), "{text}");
        }
    }


    #[test]
    fn positions_are_consistent(raw in pieces()) {
        let turn = normalizer().text(&raw);
        let (chars, raw_len) = (turn.text.chars().count(), raw.chars().count() as u32);
        prop_assert_eq!(chars, turn.fold.chars().count());
        prop_assert_eq!(turn.raw_offsets.len(), chars + 1);
        prop_assert!(turn.raw_offsets.is_sorted());
        prop_assert!(turn.raw_offsets.iter().all(|&o| o <= raw_len));
        let whole = turn.whole();
        let spans: Vec<_> = turn.masks.iter().map(|m| m.span).collect();
        prop_assert!(spans.windows(2).all(|w| w[0].end <= w[1].start));
        for span in spans.iter().chain(turn.numbers.iter().map(|n| &n.span)).chain(&turn.repeats) {
            prop_assert!(!span.is_empty() && span.end <= whole.end);
        }
        for mask in &turn.masks {
            prop_assert_eq!(turn.quote(mask.span), mask.kind.placeholder());
            prop_assert!(mask.raw.start < mask.raw.end && mask.raw.end <= raw_len);
        }
    }

    #[test]
    fn what_is_masked_stays_as_it_is(raw in pieces()) {
        let once = masked(&raw);
        prop_assert_eq!(masked(&once), once);
    }

    #[test]
    fn no_mobile_number_survives(raw in pieces()) {
        let text = masked(&raw);
        for run in text.split(|c: char| !c.is_ascii_digit()) {
            prop_assert!(!(run.len() == 11 && run.starts_with('1') && run.as_bytes()[1] >= b'3'), "{}", text);
        }
    }

    #[test]
    fn calls_of_arbitrary_text_do_not_panic(turns in prop::collection::vec((any::<bool>(), pieces()), 0..6)) {
        let turns: Vec<(Role, &str)> =
            turns.iter().map(|(agent, text)| (if *agent { Agent } else { Caller }, text.as_str())).collect();
        prop_assert_eq!(call(&turns).len(), turns.len());
    }

    #[test]
    fn folding_a_query_equals_the_fold_of_unmasked_text(raw in "\\PC{0,40}") {
        let off = Normalizer::new(&NormalizeConfig { mask: false, ..Default::default() }, &Assets::embedded()).unwrap();
        prop_assert_eq!(off.fold(&raw), off.text(&raw).fold);
    }
}
