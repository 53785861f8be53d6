//! Curves and drivers as they go over the wire.

use qingting_proto::v1;

use super::super::calls::resource;
use super::super::reports::wire::count;
use crate::journey::curve::{Moment, Point};
use crate::journey::drivers::{CAVEAT, Driver, Range};
use crate::journey::mean::band;
use crate::journey::{CallStep, Course, Drivers, Journey, MeanJourney, NotEnough};
use crate::report::figures::Mean;

fn turn(turn: u32) -> i32 {
    i32::try_from(turn).unwrap_or(i32::MAX)
}

fn size(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn point(point: &Point) -> v1::JourneyPoint {
    v1::JourneyPoint {
        turn: turn(point.turn),
        at: point.at,
        start_ms: point.start_ms.map(count),
        score: point.score,
        level: point.level,
        step: point.step.map_or_else(String::new, |step| step.as_str().to_owned()),
    }
}

fn moment(moment: Moment) -> v1::JourneyMoment {
    v1::JourneyMoment {
        turn: turn(moment.turn),
        at: moment.at,
        start_ms: moment.start_ms.map(count),
        score: moment.score,
        quote: moment.quote,
    }
}

pub(super) fn journey(journey: Journey) -> v1::Journey {
    let step = |(step, first, last): (CallStep, u32, u32)| v1::JourneyStep {
        step: step.as_str().to_owned(),
        title: step.zh().to_owned(),
        first_turn: turn(first),
        last_turn: turn(last),
    };
    v1::Journey {
        name: resource(&journey.call_id),
        caller: journey.caller.iter().map(point).collect(),
        agent: journey.agent.iter().map(point).collect(),
        lowest: journey.lowest.map(moment),
        highest: journey.highest.map(moment),
        start: journey.start,
        peak: journey.peak,
        end: journey.end,
        peak_end: journey.peak_end,
        course: journey.course.as_str().to_owned(),
        course_title: journey.course.zh().to_owned(),
        steps: journey.steps.into_iter().map(step).collect(),
        svg: String::new(),
    }
}

fn feeling(mean: &Mean) -> Option<v1::FeelingMean> {
    let band = band(mean)?;
    let interval = band.low.zip(band.high).map(|(low, high)| v1::Interval { low, high });
    Some(v1::FeelingMean { value: band.value, interval, call_count: count(band.calls) })
}

/// A mean; without values below `least` calls.
pub(super) fn mean(id: &str, title: &str, of: &MeanJourney, least: u64) -> v1::MeanJourney {
    let told = v1::MeanJourney {
        id: id.to_owned(),
        title: title.to_owned(),
        call_count: count(of.calls),
        without_curve_count: count(of.without),
        ..v1::MeanJourney::default()
    };
    if of.calls < least {
        return told;
    }
    let steps = CallStep::ALL.into_iter().zip(&of.steps).filter_map(|(step, mean)| {
        let mean = Some(feeling(mean)?);
        Some(v1::StepMean { step: step.as_str().to_owned(), title: step.zh().to_owned(), mean })
    });
    let courses = Course::ALL.iter().zip(of.courses);
    v1::MeanJourney {
        caller: of.caller.iter().filter_map(feeling).collect(),
        agent: of.agent.iter().filter_map(feeling).collect(),
        steps: steps.collect(),
        peak: feeling(&of.peak),
        end: feeling(&of.end),
        peak_end: feeling(&of.peak_end),
        courses: courses.map(|(course, calls)| (course.as_str().to_owned(), count(calls))).collect(),
        ..told
    }
}

fn interval(of: Range) -> Option<v1::Interval> {
    Some(v1::Interval { low: of.low, high: of.high })
}

fn driver(driver: Driver) -> v1::Driver {
    let explanation = driver.zh();
    let (call, at, quote) = match driver.example {
        Some(example) => (resource(&example.call_id), turn(example.turn), example.quote),
        None => Default::default(),
    };
    v1::Driver {
        id: driver.id,
        title: driver.title,
        kind: driver.kind.as_str().to_owned(),
        unit: driver.unit.as_str().to_owned(),
        mean: driver.mean,
        effect: driver.effect.value,
        effect_interval: interval(driver.effect),
        odds_ratio: driver.odds.value,
        odds_ratio_interval: interval(driver.odds),
        inflation: driver.inflation,
        clear: driver.clear,
        explanation,
        example_call: call,
        example_turn: at,
        example_quote: quote,
    }
}

/// Drivers, or why there are none, without the days.
pub(super) fn drivers(found: Result<Drivers, NotEnough>) -> v1::GetDriversResponse {
    match found {
        Ok(found) => v1::GetDriversResponse {
            note: format!("{}{CAVEAT}", found.basis()),
            target: found.target.as_str().to_owned(),
            call_count: size(found.calls),
            dissatisfied_count: size(found.dissatisfied),
            effective_count: size(found.effective),
            untold_count: size(found.untold),
            incomplete_count: size(found.incomplete),
            thinned: turn(found.thinned),
            drivers: found.drivers.into_iter().map(driver).collect(),
            determined: found.determined,
            left_out: found.left_out,
            clustered: found.clustered,
            discrimination: found.discrimination,
            ..v1::GetDriversResponse::default()
        },
        Err(few) => v1::GetDriversResponse {
            call_count: size(few.calls),
            effective_count: size(few.effective),
            thinned: 1,
            note: few.zh(),
            ..v1::GetDriversResponse::default()
        },
    }
}
