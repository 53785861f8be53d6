//! Figures as they go over the wire.

use qingting_pipeline::finding::Catalog;
use qingting_proto::v1;

use super::super::calls::resource;
use super::super::convert::time_to_wire;
use crate::report::examples::{Example, Point};
use crate::report::figures::{Interval, Share};
use crate::report::listed::{Figure, Measured};
use crate::report::standings::Standing;
use crate::report::trend::Part;

pub(in crate::server) fn count(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(in crate::server) fn interval(of: Interval) -> v1::Interval {
    v1::Interval { low: of.low, high: of.high }
}

pub(in crate::server) fn difference(of: Interval) -> v1::Difference {
    v1::Difference { value: of.value, interval: Some(interval(of)), differs: of.differs() }
}

pub(super) fn figure(figure: &Figure) -> v1::Figure {
    v1::Figure {
        missing: count(figure.missing()),
        ..measured(figure.id, figure.title, &figure.measured)
    }
}

pub(in crate::server) fn measured(id: &str, title: &str, measured: &Measured) -> v1::Figure {
    let unit = match measured {
        Measured::Count(_) => v1::FigureUnit::Calls,
        Measured::Share(_) => v1::FigureUnit::Share,
        Measured::Mean { scale, .. } if *scale > 1.0 => v1::FigureUnit::Seconds,
        Measured::Mean { .. } => v1::FigureUnit::Points,
    };
    v1::Figure {
        id: id.to_owned(),
        title: title.to_owned(),
        unit: unit.into(),
        value: measured.value(),
        numerator: measured.numerator().map(count),
        denominator: measured.denominator().map(count),
        missing: 0,
        interval: measured.interval().map(interval),
    }
}

/// A share of conversations or calls with a fault.
pub(in crate::server) fn fault(code: &str, share: Share, catalog: &Catalog) -> v1::Figure {
    measured(code, &title(code, catalog), &Measured::Share(share))
}

pub(super) fn title(code: &str, catalog: &Catalog) -> String {
    catalog.get(code).map_or_else(|| code.to_owned(), |info| info.title.clone())
}

pub(in crate::server) fn example(example: Example) -> v1::ExampleCall {
    v1::ExampleCall {
        call: resource(&example.call_id),
        started_at: example.started_at.as_ref().map(time_to_wire).unwrap_or_default(),
        agent_id: example.agent,
        score: example.score,
        fatal: example.fatal,
        rating: example.rating.map(i32::from),
        points: example.points.into_iter().map(point).collect(),
    }
}

fn point(point: Point) -> v1::ExamplePoint {
    v1::ExamplePoint {
        title: point.title,
        explanation: point.explanation,
        quote: point.quote,
        at_ms: point.at_ms.map(count),
        turn: point.turn.and_then(|turn| i32::try_from(turn).ok()),
    }
}

pub(super) fn trend_point(part: &Part, figures: &[String], codes: &[String], catalog: &Catalog) -> v1::TrendPoint {
    let wanted = |of: &Figure| figures.is_empty() || figures.iter().any(|id| id == of.id);
    v1::TrendPoint {
        since: part.days.from().to_string(),
        until: part.days.to().to_string(),
        figures: part.kpis.figures().iter().filter(|of| wanted(of)).map(figure).collect(),
        faults: codes.iter().map(|code| fault(code, part.share(code), catalog)).collect(),
    }
}

pub(super) fn scorecard(standing: &Standing, catalog: &Catalog) -> v1::Scorecard {
    let row = &standing.row;
    let figures = standing.figures();
    let (score, others): (Vec<&Figure>, Vec<&Figure>) = figures.iter().partition(|figure| figure.id == "score");
    let faults = row.faults.iter().map(|(code, calls)| v1::FaultShare {
        code: code.clone(),
        title: title(code, catalog),
        share: Some(fault(code, Share::new(*calls, row.score.count()), catalog)),
    });
    v1::Scorecard {
        id: row.id.clone(),
        display_name: row.name.clone(),
        team: row.team.clone(),
        rank: standing.rank.and_then(|rank| i32::try_from(rank).ok()),
        scored_count: count(row.score.count()),
        score: score.first().map(|score| figure(score)),
        expected_score: row.compared.then_some(row.expected),
        difference: standing.difference().map(difference),
        figures: others.into_iter().map(figure).collect(),
        faults: faults.collect(),
    }
}
