//! The cost of a call and the memory of the batch by the number of calls, drawn.

use std::path::Path;

use plotters::prelude::*;

use super::Run;

const SIZE: (u32, u32) = (720, 320);
const LINE: RGBColor = RGBColor(0x1f, 0x29, 0x33);
const MEMORY: RGBColor = RGBColor(0xb0, 0x5a, 0x2c);
const FONT: (&str, u32) = ("sans-serif", 14);
/// Room above the highest value.
const HEADROOM: f64 = 1.25;

pub(crate) fn draw(path: &Path, runs: &[Run]) -> Result<(), Box<dyn std::error::Error>> {
    let memory = |run: &Run| run.cost.peak as f64 / 1e6;
    let most = |value: &dyn Fn(&Run) -> f64| runs.iter().map(value).fold(0.0, f64::max) * HEADROOM;
    let calls = runs.iter().map(|run| run.calls);
    let (from, to) = (calls.clone().min().unwrap_or(1) as f64, calls.max().unwrap_or(1) as f64);
    let area = SVGBackend::new(path, SIZE).into_drawing_area();
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&area)
        .margin(12)
        .x_label_area_size(40)
        .y_label_area_size(56)
        .right_y_label_area_size(56)
        .build_cartesian_2d((from..to).log_scale(), 0.0..most(&Run::cpu_ms))?
        .set_secondary_coord((from..to).log_scale(), 0.0..most(&memory));
    chart
        .configure_mesh()
        .x_desc("calls of the batch")
        .y_desc("CPU time a call, ms")
        .x_label_formatter(&|calls| format!("{calls:.0}"))
        .label_style(FONT)
        .light_line_style(WHITE)
        .draw()?;
    chart
        .configure_secondary_axes()
        .y_desc("peak memory, MB")
        .y_label_formatter(&|mb| format!("{mb:.0}"))
        .label_style(FONT.into_font().color(&MEMORY))
        .draw()?;
    let cost: Vec<(f64, f64)> = runs.iter().map(|run| (run.calls as f64, run.cpu_ms())).collect();
    let held: Vec<(f64, f64)> = runs.iter().map(|run| (run.calls as f64, memory(run))).collect();
    chart.draw_series(LineSeries::new(cost.iter().copied(), LINE.stroke_width(2)))?;
    chart.draw_series(cost.iter().map(|&at| Circle::new(at, 4, LINE.filled())))?;
    chart.draw_secondary_series(LineSeries::new(held.iter().copied(), MEMORY.stroke_width(2)))?;
    chart.draw_secondary_series(held.iter().map(|&at| Circle::new(at, 4, MEMORY.filled())))?;
    area.present()?;
    Ok(())
}
