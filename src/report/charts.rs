//! The charts, as SVG inside the page: drawn by plotters, with a title and a description for those who
//! have the page read to them. Bars and dark marks tell apart in black and white too.

use chrono::NaiveDate;
use maud::{Markup, PreEscaped, html};
use plotters::coord::Shift;
use plotters::prelude::*;

use super::figures::Interval;
use super::kpis::BAND_NAMES;
use super::period::Period;
use super::volume::Volume;

/// Fonts for Chinese that are there on common systems.
pub(super) const FONTS: &str = "'Noto Sans CJK SC','Source Han Sans SC','PingFang SC','Microsoft YaHei',sans-serif";
pub(crate) const BAR: RGBColor = RGBColor(0x5b, 0x7f, 0xa6);
pub(crate) const LINE: RGBColor = RGBColor(0x1f, 0x29, 0x33);
pub(crate) const GRID: RGBColor = RGBColor(0xe3, 0xe7, 0xeb);
pub(crate) const TEXT: RGBColor = RGBColor(0x52, 0x5f, 0x6b);
/// Pixels of the chart of the volume.
const WIDE: (u32, u32) = (760, 210);
/// Pixels of the chart of the scores.
const SCORES: (u32, u32) = (760, 150);
/// Pixels of a sparkline, and how much finer it is drawn: plotters knows whole pixels only.
const SPARK: (u32, u32) = (132, 26);
const FINE: u32 = 8;
/// Widest bar, and how far a mark reaches beyond it, in pixels.
const WIDEST: i32 = 44;
const MARK: i32 = 4;
/// Least height of an axis, so that a few calls do not look like many.
const LEAST_HEIGHT: f64 = 4.0;

pub(crate) type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
pub(crate) type Drawn = Result<(), DrawingAreaErrorKind<std::io::Error>>;

/// A font size in pixels: plotters writes it out divided by 1.24.
pub(crate) fn style(pixels: f64, color: RGBColor) -> TextStyle<'static> {
    (FONTS, pixels * 1.24).into_font().color(&color)
}

pub(crate) fn anchored(pixels: f64, color: RGBColor, h: plotters::style::text_anchor::HPos) -> TextStyle<'static> {
    style(pixels, color).pos(plotters::style::text_anchor::Pos::new(h, plotters::style::text_anchor::VPos::Top))
}

/// What is drawn within its frame; a chart that cannot be drawn is left out, as the numbers stand beside it.
pub(crate) fn framed(
    id: &str,
    title: &str,
    description: &str,
    size: (u32, u32),
    fine: u32,
    draw: impl FnOnce(&Area<'_>) -> Drawn,
) -> Markup {
    let full = (size.0 * fine, size.1 * fine);
    let mut svg = String::new();
    let drawn = {
        let area = SVGBackend::with_string(&mut svg, full).into_drawing_area();
        draw(&area).and_then(|()| area.present())
    };
    if let Err(error) = drawn {
        tracing::warn!(%error, id, "a chart cannot be drawn");
        return html! {};
    }
    let inner = svg.split_once('>').map_or("", |(_, rest)| rest);
    let inner = inner.trim_end().trim_end_matches("</svg>");
    let (title_id, text_id) = (format!("{id}-title"), format!("{id}-text"));
    html! {
        svg class=@if fine == 1 { "chart" } @else { "spark" } viewBox=(format!("0 0 {} {}", full.0, full.1))
            width=(size.0) height=(size.1) role="img" aria-labelledby=(format!("{title_id} {text_id}")) {
            title id=(title_id) { (title) }
            desc id=(text_id) { (description) }
            (PreEscaped(inner))
        }
    }
}

/// The height of an axis for counts up to `most`, and the distance of its marks.
fn axis(most: f64) -> (f64, f64) {
    let rough = (most / 4.0).max(1.0);
    let power = 10f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|n| n * power).into_iter().find(|step| *step >= rough).unwrap_or(rough);
    let step = step.max(1.0).ceil();
    ((most / step).ceil().max(1.0) * step, step)
}

/// A bar for each label, and a mark across it for what was to be expected.
fn columns(area: &Area<'_>, bars: &[(String, Option<f64>, Option<f64>)], every: usize) -> Drawn {
    let (width, height) = area.dim_in_pixel();
    let (left, right, top, bottom) = (44, width as i32 - 8, 10, height as i32 - 24);
    let most = bars.iter().flat_map(|(_, n, expected)| [*n, *expected]).flatten().fold(LEAST_HEIGHT, f64::max);
    let (high, step) = axis(most);
    let y = |value: f64| bottom - (value / high * f64::from(bottom - top)).round() as i32;
    let slot = f64::from(right - left) / bars.len().max(1) as f64;
    let x = |at: f64| left + (at * slot).round() as i32;
    let half = ((slot * 0.36).round() as i32).min(WIDEST / 2);
    let mut mark = 0.0;
    while mark <= high {
        area.draw(&PathElement::new(vec![(left, y(mark)), (right, y(mark))], GRID.stroke_width(1)))?;
        let text = anchored(11.0, TEXT, plotters::style::text_anchor::HPos::Right);
        area.draw(&Text::new(format!("{mark:.0}"), (left - 6, y(mark) - 6), text))?;
        mark += step;
    }
    for (nth, (label, n, _)) in bars.iter().enumerate() {
        let at = nth as f64;
        if let Some(n) = n.filter(|n| *n > 0.0) {
            area.draw(&Rectangle::new([(x(at + 0.5) - half, y(n)), (x(at + 0.5) + half, bottom)], BAR.filled()))?;
        }
        if nth.is_multiple_of(every.max(1)) {
            let text = anchored(11.0, TEXT, plotters::style::text_anchor::HPos::Center);
            area.draw(&Text::new(label.clone(), (x(at + 0.5), bottom + 6), text))?;
        }
    }
    for (at, (.., expected)) in bars.iter().enumerate() {
        if let Some(n) = expected.filter(|n| *n > 0.0) {
            let middle = x(at as f64 + 0.5);
            let mark = vec![(middle - half - MARK, y(n)), (middle + half + MARK, y(n))];
            area.draw(&PathElement::new(mark, LINE.stroke_width(2)))?;
        }
    }
    area.draw(&PathElement::new(vec![(left, bottom), (right, bottom)], TEXT.stroke_width(1)))
}

fn draw_line(area: &Area<'_>, line: &mut Vec<(i32, i32)>, width: u32) -> Drawn {
    if line.len() > 1 {
        area.draw(&PathElement::new(std::mem::take(line), LINE.stroke_width(width)))?;
    }
    line.clear();
    Ok(())
}

/// Calls by hour of the day, beside what was to be expected.
pub(super) fn hours(volume: &Volume, period: &Period) -> Markup {
    let expected = volume.expected_by_hour(period);
    let bars: Vec<_> = volume
        .by_hour()
        .iter()
        .enumerate()
        .map(|(hour, &n)| (hour.to_string(), Some(n as f64), expected.map(|hours| hours[hour])))
        .collect();
    let said = bars.iter().filter(|bar| bar.1 > Some(0.0));
    let said: Vec<String> = said.map(|(hour, n, _)| format!("{hour} 时 {:.0} 通", n.unwrap_or_default())).collect();
    framed("chart-hours", "各时段来电量", &said.join("，"), WIDE, 1, |area| columns(area, &bars, 1))
}

/// Calls by day, beside what was to be expected.
pub(super) fn days(volume: &Volume, period: &Period) -> Markup {
    let label = |day: NaiveDate| day.format("%-m/%-d").to_string();
    let bars: Vec<_> = period
        .days()
        .map(|day| {
            let expected = volume.expected_on(day).map(|hours| hours.iter().sum());
            (label(day), volume.on(day).map(|n| n as f64), expected)
        })
        .collect();
    let said: Vec<String> = bars
        .iter()
        .map(|(day, n, _)| n.map_or_else(|| format!("{day} 无数据"), |n| format!("{day} {n:.0} 通")))
        .collect();
    let every = bars.len().div_ceil(16);
    framed("chart-days", "每日来电量", &said.join("，"), WIDE, 1, |area| columns(area, &bars, every))
}

/// Scores by band, with the numbers.
pub(super) fn scores(bands: &[u64; 5]) -> Markup {
    let said: Vec<String> = BAND_NAMES.iter().zip(bands).map(|(band, n)| format!("{band} 分 {n} 通")).collect();
    let all: u64 = bands.iter().sum();
    framed("chart-scores", "质检得分分布", &said.join("，"), SCORES, 1, |area| {
        let most = bands.iter().copied().max().unwrap_or(0).max(1);
        let (label, longest) = (76, 520.0);
        for (row, (band, &n)) in BAND_NAMES.iter().zip(bands).rev().enumerate() {
            let y = 6 + 28 * row as i32;
            let length = (n as f64 / most as f64 * longest).round() as i32;
            let right = anchored(12.0, TEXT, plotters::style::text_anchor::HPos::Right);
            area.draw(&Text::new((*band).to_owned(), (label - 8, y + 3), right))?;
            if n > 0 {
                area.draw(&Rectangle::new([(label, y), (label + length.max(1), y + 20)], BAR.filled()))?;
            }
            let share = if all > 0 { n as f64 * 100.0 / all as f64 } else { 0.0 };
            let left = anchored(12.0, LINE, plotters::style::text_anchor::HPos::Left);
            area.draw(&Text::new(format!("{n} 通（{share:.1}%）"), (label + length + 8, y + 3), left))?;
        }
        area.draw(&PathElement::new(vec![(label, 0), (label, 146)], TEXT.stroke_width(1)))
    })
}

/// A line over some days, each scaled to its own maximum; days without data are gaps.
pub(super) fn spark(id: &str, title: &str, values: &[Option<f64>], said: &str) -> Markup {
    framed(id, title, said, SPARK, FINE, |area| {
        let (width, height) = area.dim_in_pixel();
        let margin = 4 * FINE as i32;
        let most = values.iter().flatten().copied().fold(0.0, f64::max);
        let most = if most > 0.0 { most } else { 1.0 };
        let across = f64::from(width as i32 - 2 * margin) / values.len().saturating_sub(1).max(1) as f64;
        let down = f64::from(height as i32 - 2 * margin);
        let place = |at: usize, value: f64| {
            (margin + (at as f64 * across).round() as i32, margin + (down * (1.0 - value / most)).round() as i32)
        };
        let base = height as i32 - margin;
        area.draw(&PathElement::new(vec![(margin, base), (width as i32 - margin, base)], GRID.stroke_width(FINE)))?;
        let mut line = Vec::new();
        for (at, value) in values.iter().enumerate() {
            match value {
                Some(value) => {
                    let alone = at.checked_sub(1).is_none_or(|before| values[before].is_none())
                        && values.get(at + 1).is_none_or(Option::is_none);
                    if alone {
                        area.draw(&Circle::new(place(at, *value), FINE as i32 * 3 / 2, LINE.filled()))?;
                    }
                    line.push(place(at, *value));
                }
                None => draw_line(area, &mut line, FINE * 3 / 2)?,
            }
        }
        draw_line(area, &mut line, FINE * 3 / 2)?;
        match values.last() {
            Some(Some(last)) => {
                area.draw(&Circle::new(place(values.len() - 1, *last), FINE as i32 * 5 / 2, BAR.filled()))
            }
            _ => Ok(()),
        }
    })
}

/// An interval beside zero, on a scale from `-most` to `most`.
pub(crate) fn difference(id: &str, title: &str, interval: &Interval, most: f64) -> Markup {
    let said = format!("{:+.1}，95% 区间 {:+.1} 至 {:+.1}", interval.value, interval.low, interval.high);
    framed(id, title, &said, SPARK, FINE, |area| {
        let (width, height) = area.dim_in_pixel();
        let (middle, half) = (height as i32 / 2, f64::from(width) / 2.0 - f64::from(4 * FINE));
        let x = |value: f64| width as i32 / 2 + ((value / most).clamp(-1.0, 1.0) * half).round() as i32;
        area.draw(&PathElement::new(vec![(x(0.0), 0), (x(0.0), height as i32)], GRID.stroke_width(FINE)))?;
        let line = vec![(x(interval.low), middle), (x(interval.high), middle)];
        area.draw(&PathElement::new(line, LINE.stroke_width(FINE * 3 / 2)))?;
        area.draw(&Circle::new((x(interval.value), middle), FINE as i32 * 3, BAR.filled()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn charts_have_titles_and_chinese_texts_of_their_own() {
        let svg = scores(&[0, 1, 2, 3, 14]).into_string();
        assert!(svg.contains("<title id=\"chart-scores-title\">质检得分分布</title>"), "{svg}");
        assert!(svg.contains("aria-labelledby=\"chart-scores-title chart-scores-text\""));
        assert!(svg.contains("90–100 分 14 通") && svg.contains("14 通（70.0%）"));
        assert!(svg.contains("<text") && svg.contains("Noto Sans CJK SC"));
        assert_eq!((svg.matches("<svg").count(), svg.matches("</svg>").count()), (1, 1));
    }

    #[test]
    fn what_is_written_into_a_chart_is_escaped() {
        let svg = spark("s", "<script>", &[Some(1.0), None, Some(2.0)], "a & b").into_string();
        assert!(!svg.contains("<script>") && svg.contains("&lt;script&gt;") && svg.contains("a &amp; b"));
    }

    #[test]
    fn axes_have_whole_marks_and_hold_the_highest() {
        for (most, wanted) in [
            (1.0, (1.0, 1.0)),
            (3.0, (3.0, 1.0)),
            (17.0, (20.0, 5.0)),
            (1234.0, (1500.0, 500.0)),
        ] {
            assert_eq!(axis(most), wanted, "{most}");
        }
    }

    #[test]
    fn days_without_data_are_gaps() {
        let lines = |values: &[Option<f64>]| spark("s", "t", values, "").into_string().matches("<polyline").count();
        // One of them is the base line.
        assert_eq!(lines(&[Some(1.0), Some(2.0), Some(1.0)]), 2);
        assert_eq!(lines(&[Some(1.0), Some(2.0), None, Some(2.0), Some(1.0)]), 3);
        assert_eq!(lines(&[None, None]), 1);
    }
}
