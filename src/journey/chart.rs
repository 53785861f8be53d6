//! The pictures: the curve of a call, a mean curve with its band, and drivers with their intervals. As SVG inside a page, or as
//! a file of its own ([`standalone`]). Lines differ by dashes and width, so that they are told apart in print.

use maud::Markup;
use plotters::element::DashedPathElement;
use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::curve::{GRID as PLACES, Journey, Point};
use super::drivers::{Drivers, Unit, odds};
use super::mean::{MeanJourney, band};
use super::step::CallStep;
use crate::report::charts::{Area, BAR, Drawn, GRID, LINE, TEXT, anchored, framed};

/// Pixels of a curve.
const CURVE: (u32, u32) = (760, 300);
/// Colours of the caller's band, of steps, and of the agent's line.
const BAND: RGBColor = RGBColor(0xd5, 0xe0, 0xec);
const STEP: RGBColor = RGBColor(0xf4, 0xf6, 0xf8);
const AGENT: RGBColor = RGBColor(0x8a, 0x94, 0x9e);
/// Left, right, top and bottom of the plot.
const LEFT: i32 = 52;
const RIGHT: i32 = 748;
const TOP: i32 = 40;
const BOTTOM: i32 = 250;
/// Feelings weaker than this are not pointed at.
const FAINT: f32 = 0.1;
/// Characters of a quote in a chart.
const QUOTE: usize = 22;
/// Pixels of a row of drivers, and where their scale begins.
const ROW: i32 = 26;
const SCALE: i32 = 250;
/// Drivers that are drawn.
pub const DRAWN: usize = 14;

/// A file of its own out of a picture in a page.
pub fn standalone(picture: Markup) -> String {
    let svg = picture.into_string().replacen(
        "<svg ",
        "<svg xmlns=\"http://www.w3.org/2000/svg\" style=\"background:#fff\" ",
        1,
    );
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{svg}\n")
}

fn x(at: f64) -> i32 {
    LEFT + (at * f64::from(RIGHT - LEFT)).round() as i32
}

fn y(feeling: f64) -> i32 {
    BOTTOM - ((feeling + 1.0) / 2.0 * f64::from(BOTTOM - TOP)).round() as i32
}

fn write(area: &Area<'_>, text: impl Into<String>, at: (i32, i32), side: HPos) -> Drawn {
    area.draw(&Text::new(text.into(), at, anchored(11.0, TEXT, side)))
}

/// Axes: feeling upwards, the call from its beginning to its end.
fn frame(area: &Area<'_>) -> Drawn {
    for (feeling, name) in [
        (1.0, "正面 1"),
        (0.5, "0.5"),
        (0.0, "0"),
        (-0.5, "−0.5"),
        (-1.0, "负面 −1"),
    ] {
        let color = if feeling == 0.0 { TEXT } else { GRID };
        area.draw(&PathElement::new(vec![(LEFT, y(feeling)), (RIGHT, y(feeling))], color.stroke_width(1)))?;
        write(area, name, (LEFT - 6, y(feeling) - 6), HPos::Right)?;
    }
    for (at, name) in [(0.0, "开始"), (0.25, "25%"), (0.5, "50%"), (0.75, "75%"), (1.0, "结束")] {
        area.draw(&PathElement::new(vec![(x(at), BOTTOM), (x(at), BOTTOM + 4)], TEXT.stroke_width(1)))?;
        write(area, name, (x(at), BOTTOM + 7), HPos::Center)?;
    }
    Ok(())
}

fn solid(area: &Area<'_>, line: &[(f64, f64)]) -> Drawn {
    let line: Vec<(i32, i32)> = line.iter().map(|(at, feeling)| (x(*at), y(*feeling))).collect();
    area.draw(&PathElement::new(line, LINE.stroke_width(2)))
}

fn dashed(area: &Area<'_>, line: &[(f64, f64)]) -> Drawn {
    let line: Vec<(i32, i32)> = line.iter().map(|(at, feeling)| (x(*at), y(*feeling))).collect();
    area.draw(&DashedPathElement::new(line, 6, 4, AGENT.stroke_width(2)))
}

/// What the lines are, in the upper right corner.
fn key(area: &Area<'_>, band: bool) -> Drawn {
    let mut at = RIGHT;
    if band {
        write(area, "95% 区间", (at, 4), HPos::Right)?;
        area.draw(&Rectangle::new([(at - 82, 6), (at - 58, 16)], BAND.filled()))?;
        at -= 98;
    }
    write(area, "坐席", (at, 4), HPos::Right)?;
    area.draw(&DashedPathElement::new(vec![(at - 58, 11), (at - 32, 11)], 6, 4, AGENT.stroke_width(2)))?;
    at -= 74;
    write(area, "来电人", (at, 4), HPos::Right)?;
    area.draw(&PathElement::new(vec![(at - 70, 11), (at - 42, 11)], LINE.stroke_width(2)))
}

/// Steps as stripes with their names, each from where it begins to where the next does.
fn stripes(area: &Area<'_>, begins: &[(CallStep, f64)]) -> Drawn {
    for (nth, (step, from)) in begins.iter().enumerate() {
        let until = begins.get(nth + 1).map_or(1.0, |(_, next)| *next);
        if nth % 2 == 0 {
            area.draw(&Rectangle::new([(x(*from), TOP - 16), (x(until), BOTTOM)], STEP.filled()))?;
        }
        // A name that has no room would lie over its neighbour.
        let room = x(until) - x(*from);
        if room >= 12 * step.zh().chars().count() as i32 {
            write(area, step.zh(), (x(*from) + room / 2, TOP - 15), HPos::Center)?;
        }
    }
    Ok(())
}

fn line_of(points: &[Point]) -> Vec<(f64, f64)> {
    points.iter().map(|point| (point.at, f64::from(point.level))).collect()
}

/// The curve of a call.
pub fn call(journey: &Journey) -> Markup {
    let mut said = format!(
        "结束 {:+.2}，峰值 {:+.2}，峰终 {:+.2}，{}",
        journey.end,
        journey.peak,
        journey.peak_end,
        journey.course.zh()
    );
    for (name, moment) in [("最低点", &journey.lowest), ("最高点", &journey.highest)] {
        if let Some(moment) = moment {
            said += &format!("；{name} {:+.2}：“{}”", moment.score, moment.quote);
        }
    }
    let title = format!("情绪曲线：{}", journey.call_id);
    framed("journey-call", &title, &said, CURVE, 1, |area| {
        let places = journey.caller.iter().chain(&journey.agent);
        let begin = |step: CallStep| {
            let of = places.clone().filter(|point| point.step == Some(step)).map(|point| point.at);
            of.min_by(f64::total_cmp).map(|at| (step, at))
        };
        let mut begins: Vec<(CallStep, f64)> = CallStep::ALL.into_iter().filter_map(begin).collect();
        if let Some((_, first)) = begins.first_mut() {
            *first = 0.0;
        }
        stripes(area, &begins)?;
        frame(area)?;
        key(area, false)?;
        if journey.agent.len() > 1 {
            dashed(area, &line_of(&journey.agent))?;
        }
        solid(area, &line_of(&journey.caller))?;
        for point in &journey.caller {
            area.draw(&Circle::new((x(point.at), y(point.level.into())), 3, LINE.filled()))?;
        }
        for (name, moment) in [("最低", &journey.lowest), ("最高", &journey.highest)] {
            // A feeling that nobody would hear is no moment.
            let Some(moment) = moment.as_ref().filter(|moment| moment.score.abs() >= FAINT) else {
                continue;
            };
            let Some(point) = journey.caller.iter().find(|point| point.turn == moment.turn) else {
                continue;
            };
            area.draw(&Circle::new((x(point.at), y(point.level.into())), 6, BAR.stroke_width(2)))?;
            let short: String = moment.quote.chars().take(QUOTE).collect();
            let more = if moment.quote.chars().nth(QUOTE).is_some() {
                "…"
            } else {
                ""
            };
            // Away from the edge that the text would run over, and from the line.
            let side = if moment.at > 0.5 { HPos::Right } else { HPos::Left };
            let below = (name == "最低") == (point.level > -0.8);
            let down = y(point.level.into()) + if below { 9 } else { -22 };
            write(area, format!("{name} {:+.2} “{short}{more}”", moment.score), (x(point.at), down), side)?;
        }
        let told = format!(
            "峰值 {:+.2}　结束 {:+.2}　峰终 {:+.2}　走势：{}",
            journey.peak,
            journey.end,
            journey.peak_end,
            journey.course.zh()
        );
        write(area, told, (LEFT, 276), HPos::Left)
    })
}

/// A mean curve with its band.
pub fn mean(id: &str, title: &str, of: &MeanJourney) -> Markup {
    let bands: Vec<_> = of.caller.iter().filter_map(band).collect();
    let told = |mean| band(mean).map_or_else(|| "无数据".to_owned(), |of| format!("{:+.2}", of.value));
    let said = format!(
        "{} 通；平均峰值 {}，平均结束 {}，平均峰终 {}",
        of.calls,
        told(&of.peak),
        told(&of.end),
        told(&of.peak_end)
    );
    framed(id, title, &said, CURVE, 1, |area| {
        let at = |nth: usize| nth as f64 / (PLACES - 1) as f64;
        let upper = bands.iter().enumerate().filter_map(|(nth, band)| Some((x(at(nth)), y(band.high?))));
        let lower = bands.iter().enumerate().rev().filter_map(|(nth, band)| Some((x(at(nth)), y(band.low?))));
        let outline: Vec<(i32, i32)> = upper.chain(lower).collect();
        if outline.len() > 2 {
            area.draw(&Polygon::new(outline, BAND.filled()))?;
        }
        frame(area)?;
        key(area, true)?;
        let agent: Vec<(f64, f64)> =
            of.agent.iter().enumerate().filter_map(|(nth, mean)| Some((at(nth), mean.value()?))).collect();
        if agent.len() > 1 {
            dashed(area, &agent)?;
        }
        let caller: Vec<(f64, f64)> = bands.iter().enumerate().map(|(nth, band)| (at(nth), band.value)).collect();
        if caller.len() > 1 {
            solid(area, &caller)?;
        }
        write(area, said.clone(), (LEFT, 276), HPos::Left)
    })
}

/// The strongest drivers, each with its interval, beside no effect.
pub fn drivers(of: &Drivers) -> Markup {
    let shown: Vec<_> = of.drivers.iter().take(DRAWN).collect();
    let most = shown.iter().map(|driver| driver.effect.low.abs().max(driver.effect.high.abs())).fold(0.5, f64::max);
    let said = shown.iter().map(|driver| driver.zh()).collect::<Vec<_>>().join("；");
    let height = 52 + ROW * shown.len() as i32;
    framed("journey-drivers", "与不满意相伴的因素", &said, (760, height.unsigned_abs()), 1, |area| {
        let (left, right) = (SCALE, 600);
        let place = |effect: f64| (left + right) / 2 + (effect / most * f64::from(right - left) / 2.0).round() as i32;
        write(area, "← 满意", (left, 4), HPos::Left)?;
        write(area, "不满意 →", (right, 4), HPos::Right)?;
        write(area, "几率比（95% 区间）", (752, 4), HPos::Right)?;
        let foot = height - 26;
        area.draw(&PathElement::new(vec![(place(0.0), 20), (place(0.0), foot)], TEXT.stroke_width(1)))?;
        for (nth, driver) in shown.iter().enumerate() {
            let middle = 32 + ROW * nth as i32;
            let unit = match driver.unit {
                Unit::Presence => "",
                Unit::Minute => "（每分钟）",
                Unit::TenSeconds => "（每 10 秒）",
                Unit::HalfPoint => "（每高 0.5）",
            };
            write(area, format!("{}{unit}", driver.title), (left - 10, middle - 6), HPos::Right)?;
            let interval = vec![(place(driver.effect.low), middle), (place(driver.effect.high), middle)];
            area.draw(&PathElement::new(interval, LINE.stroke_width(2)))?;
            let dot = (place(driver.effect.value), middle);
            // What chance would explain too is hollow.
            match driver.clear {
                true => area.draw(&Circle::new(dot, 5, LINE.filled()))?,
                false => {
                    area.draw(&Circle::new(dot, 5, WHITE.filled()))?;
                    area.draw(&Circle::new(dot, 5, LINE.stroke_width(2)))?;
                }
            }
            let told = format!("{}（{}–{}）", odds(driver.odds.value), odds(driver.odds.low), odds(driver.odds.high));
            write(area, told, (752, middle - 6), HPos::Right)?;
        }
        write(
            area,
            "横轴为每一个标准差的对数几率，可互相比较；空心点的区间包含“没有关联”。",
            (left - 240, foot + 8),
            HPos::Left,
        )
    })
}
