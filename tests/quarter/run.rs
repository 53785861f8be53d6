//! The quarter from the first call to the last question.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use qingting::case::{Case, Rules};
use qingting_index::{Context, DataDir};
use qingting_pipeline::assets::Assets;
use qingting_pipeline::record::{CallRecord, Role};
use qingting_pipeline::{Analyzed, Pipeline};
use qingting_proto::v1;
use qingting_proto::v1::call_service_client::CallServiceClient;
use qingting_proto::v1::indicator_service_client::IndicatorServiceClient;
use tonic::transport::Channel;

use super::count::{Figures, Quarter};
use super::desk::{Desk, Seen, by_day};
use super::hotline::{self, Made, Said, TEAMS, days, last_day};
use super::mirror::{Mirror, Place};
use super::table::{BANK, HOTLINE, Table, Total};

pub(crate) const SEED: u64 = 20_260_701;

/// A quarter that was worked through.
pub(crate) struct Worked {
    made: Vec<Made>,
    verdicts: Vec<Analyzed>,
    cases: Vec<(Case, Mirror)>,
    pub(crate) seen: Seen,
}

/// The conversations of the demo, without anything around what was said.
fn conversations() -> Vec<CallRecord> {
    let text = Assets::embedded().read("demo/calls.jsonl").unwrap().text;
    let records = text.lines().map(|line| serde_json::from_str::<CallRecord>(line).unwrap());
    let spoken = records.filter(|record| record.spoken() && record.turns.iter().any(|turn| turn.role == Role::Agent));
    let bare = |record: CallRecord| CallRecord { turns: record.turns, ..CallRecord::new(record.call_id) };
    spoken.map(bare).collect()
}

/// Draws the calls, and goes through the quarter night by night.
pub(crate) fn work(pipeline: &Pipeline, folder: &Path, calls: usize) -> Worked {
    let all = conversations();
    let verdicts = pipeline.analyze_batch(&all);
    let of = |keep: &dyn Fn(&Analyzed) -> bool| (0..all.len()).filter(|&nth| keep(&verdicts[nth])).collect::<Vec<_>>();
    let is_faulty = |call: &Analyzed| call.analysis.findings.iter().any(|finding| finding.role == Role::Agent);
    let is_crisis = |call: &Analyzed| call.analysis.facts.crisis;
    let said = Said {
        clean: of(&|call| !is_faulty(call) && !is_crisis(call)),
        faulty: of(&|call| is_faulty(call) && !is_crisis(call)),
        crises: of(&is_crisis),
        settled: verdicts.iter().map(|call| call.analysis.facts.outcome == "resolved").collect(),
        all,
    };
    let made = hotline::calls(SEED, calls, &said);
    let conversation: BTreeMap<&str, usize> =
        made.iter().filter_map(|made| Some((made.record.call_id.as_str(), made.said?))).collect();

    let data = DataDir::open_writer(folder, Context::new(pipeline), "quarter").unwrap();
    let rules = Rules::load(&Assets::embedded()).unwrap();
    let mut desk = Desk::new(&data, pipeline, rules, SEED + 1);
    // By the rules: a rating of 不满意 or 非常不满意, a fatal fault, a life in danger.
    desk.run(&by_day(made.iter().map(|made| &made.record)), |record| {
        let verdict = conversation.get(record.call_id.as_str()).map(|&said| &verdicts[said].analysis);
        let is_fatal =
            verdict.is_some_and(|verdict| verdict.findings.iter().any(|finding| finding.code == "forbidden_phrase"));
        let causes = [
            ("rating", record.rating.is_some_and(|rating| rating <= 2)),
            ("finding", is_fatal),
            ("crisis", verdict.is_some_and(|verdict| verdict.facts.crisis)),
        ];
        causes.into_iter().filter(|(_, opens)| *opens).map(|(cause, _)| cause).collect()
    });
    let (cases, seen) = desk.finish();
    // The analysis of a call is that of its conversation, whatever is around it.
    for made in &made {
        let kept = data.get_call(&made.record.call_id).unwrap().unwrap().analysis;
        let Some(said) = made.said else { continue };
        let verdict = &verdicts[said].analysis;
        assert_eq!(kept.findings, verdict.findings, "{}", made.record.call_id);
        assert_eq!((&kept.facts, &kept.score), (&verdict.facts, &verdict.score), "{}", made.record.call_id);
    }
    Worked { made, verdicts, cases, seen }
}

fn scope(teams: &[&str]) -> Option<v1::IndicatorScope> {
    let teams = teams.iter().map(|&team| team.to_owned()).collect();
    let (since, until) = (days().0.to_string(), last_day().to_string());
    let selection = v1::CallSelection { since, until, teams, ..Default::default() };
    Some(v1::IndicatorScope { selection: Some(selection), regions: Vec::new() })
}

impl Worked {
    fn figures(&self, team: Option<&str>) -> Figures {
        let cases: Vec<&Mirror> = self.cases.iter().map(|(_, mirror)| mirror).collect();
        Quarter { made: &self.made, verdicts: &self.verdicts, cases: &cases }.figures(team)
    }

    /// Cases by cause, and how many ended how: closed, excluded, open.
    pub(crate) fn cases(&self) -> (BTreeMap<&'static str, usize>, [usize; 3]) {
        let mut causes = BTreeMap::new();
        let mut ends = [0; 3];
        for (_, mirror) in &self.cases {
            *causes.entry(mirror.cause).or_default() += 1;
            ends[match mirror.place {
                Place::Closed => 0,
                Place::Excluded => 1,
                _ => 2,
            }] += 1;
        }
        (causes, ends)
    }

    /// The totals of both sets over all calls and of every team, each the same over gRPC; what they are.
    pub(crate) async fn totals(&self, channel: &Channel) -> Vec<(String, Total)> {
        let mut client = IndicatorServiceClient::new(channel.clone());
        let mut totals = Vec::new();
        let whole: [Option<&str>; 1] = [None];
        for table in [&HOTLINE, &BANK] {
            for team in whole.into_iter().chain(TEAMS.iter().map(|&team| Some(team))) {
                let expected = table.total(&self.figures(team));
                let request =
                    v1::EvaluateIndicatorsRequest { set_id: table.set.to_owned(), scope: scope(team.as_slice()) };
                let result = client.evaluate_indicators(request).await.unwrap().into_inner();
                let name = format!("{} {}", table.set, team.unwrap_or("全部"));
                let score = |path: &str| result.nodes.iter().find(|node| node.path == path).unwrap().score.as_deref();
                let found: Vec<_> = table.paths().filter_map(|path| Some((path, hundredths(score(path)?)))).collect();
                // Shown are hundredths.
                let scores = expected.scores.iter().map(|&(path, score)| (path, (score + 50) / 100));
                assert_eq!(found, scores.collect::<Vec<_>>(), "{name}");
                assert_eq!(result.total, expected.total, "{name}: {}", result.explanation);
                totals.push((name, expected));
            }
            self.ranking(&mut client, table).await;
        }
        totals
    }

    /// A set over all calls, item by item, as it is checked by hand.
    pub(crate) fn written(&self, set: &str) -> String {
        let table = if set == HOTLINE.set { &HOTLINE } else { &BANK };
        table.written(&self.figures(None))
    }

    /// The teams by their places in each month, of a set.
    pub(crate) async fn places(&self, channel: &Channel, set: &str) -> Vec<Vec<String>> {
        let mut client = IndicatorServiceClient::new(channel.clone());
        let mut months = Vec::new();
        for (since, until) in [
            ("2026-07-01", "2026-07-31"),
            ("2026-08-01", "2026-08-31"),
            ("2026-09-01", "2026-09-30"),
        ] {
            let selection = v1::CallSelection { since: since.into(), until: until.into(), ..Default::default() };
            let scope = Some(v1::IndicatorScope { selection: Some(selection), regions: Vec::new() });
            let request = v1::RankIndicatorsRequest { set_id: set.to_owned(), scope, ..Default::default() };
            let ranks = client.rank_indicators(request).await.unwrap().into_inner().ranks;
            months.push(ranks.into_iter().filter(|rank| rank.place.is_some()).map(|rank| rank.key).collect());
        }
        months
    }

    /// The places of the teams are those of their totals, and the same whoever asks again.
    async fn ranking(&self, client: &mut IndicatorServiceClient<Channel>, table: &Table) {
        let mut expected: Vec<(String, &str)> = TEAMS
            .iter()
            .filter_map(|&team| Some((table.total(&self.figures(Some(team))).total?, team)))
            .collect();
        expected.sort_by_key(|(total, _)| Reverse(hundredths(total)));
        for _ in 0..2 {
            let request =
                v1::RankIndicatorsRequest { set_id: table.set.to_owned(), scope: scope(&[]), ..Default::default() };
            let ranks = client.rank_indicators(request).await.unwrap().into_inner().ranks;
            let found: Vec<(String, &str)> =
                ranks.iter().filter_map(|rank| Some((rank.total.clone()?, rank.key.as_str()))).collect();
            assert_eq!(found, expected, "{}", table.set);
        }
    }

    /// From the total of each set to a call in three steps; and behind every share of it the very calls.
    pub(crate) async fn explained(&self, channel: &Channel) -> usize {
        let mut client = IndicatorServiceClient::new(channel.clone());
        let mut calls = CallServiceClient::new(channel.clone());
        let figures = self.figures(None);
        let mut looked = 0;
        for (set, path, figure) in [
            ("hotline-12345", "conduct.attitude.calm", "finding.impatience"),
            ("hotline-12345", "solution.satisfaction.satisfied", "kpi.satisfied"),
            ("hotline-12345", "solution.once.fcr", "kpi.fcr"),
            ("bank-branch", "compliance.redline", "kpi.fatal"),
            ("bank-branch", "experience.once.repeat", "kpi.repeat_contact"),
        ] {
            let step = |path: &str| v1::ExplainIndicatorRequest {
                set_id: set.to_owned(),
                scope: scope(&[]),
                path: path.to_owned(),
            };
            // One: the total and its first level.
            let total = client.explain_indicator(step("")).await.unwrap().into_inner();
            let first = path.split('.').next().unwrap();
            assert!(total.children.iter().any(|child| child.path == first), "{path}");
            // Two: the item, its formula and its figure.
            let item = client.explain_indicator(step(path)).await.unwrap().into_inner();
            let input = &item.inputs[0];
            let told = input.figure.as_ref().unwrap();
            let counted = &figures[figure];
            assert_eq!(
                (told.numerator, told.denominator),
                (Some(counted.part as i64), Some(counted.of as i64)),
                "{path}"
            );
            // Three: the calls.
            let found = everything(&mut calls, &input.numerator_filter).await;
            assert_eq!(found, counted.yes, "{path}");
            looked += found.len();
        }
        looked
    }
}

async fn everything(calls: &mut CallServiceClient<Channel>, filter: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut page_token = String::new();
    loop {
        let request =
            v1::SearchCallsRequest { filter: filter.to_owned(), page_size: 200, page_token, ..Default::default() };
        let page = calls.search_calls(request).await.unwrap().into_inner();
        found.extend(page.hits.iter().map(|hit| hit.call.trim_start_matches("calls/").to_owned()));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return found;
        }
    }
}

fn hundredths(number: &str) -> i128 {
    number.replace('.', "").parse().unwrap()
}
