//! The cost curve as an SVG: seconds of clustering and of segmentation over the number of messages.

use std::error::Error;
use std::path::Path;

use plotters::prelude::*;

use super::Cost;

const SIZE: (u32, u32) = (760, 460);
const CLUSTERING: RGBColor = RGBColor(0, 90, 181);
const SEGMENTATION: RGBColor = RGBColor(204, 85, 0);
const PROPORTIONAL: RGBColor = RGBColor(130, 130, 130);

/// One of the figures of a cost.
type Seconds = fn(&Cost) -> f64;

/// Draws the costs; nothing where there are fewer than two.
pub(crate) fn draw(path: &Path, costs: &[Cost]) -> Result<(), Box<dyn Error>> {
    let [first, .., last] = costs else { return Ok(()) };
    let thousand = |cost: &Cost| cost.messages as f64 / 1000.0;
    let widest = thousand(last) * 1.02;
    let highest = costs.iter().map(|c| c.clustering.max(c.segmentation)).fold(0.0, f64::max) * 1.1;

    let root = SVGBackend::new(path, SIZE).into_drawing_area();
    root.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(&root)
        .caption("Topics: seconds over number of messages", ("sans-serif", 20))
        .margin(16)
        .x_label_area_size(48)
        .y_label_area_size(60)
        .build_cartesian_2d(0.0..widest, 0.0..highest)?;
    chart
        .configure_mesh()
        .light_line_style(TRANSPARENT)
        .x_desc("messages, thousands")
        .y_desc("seconds")
        .label_style(("sans-serif", 14))
        .x_label_formatter(&|x| format!("{x:.0}"))
        .y_label_formatter(&|y| {
            if highest < 5.0 {
                format!("{y:.1}")
            } else {
                format!("{y:.0}")
            }
        })
        .draw()?;

    let slope = first.clustering / thousand(first);
    // A line that left the area would be bent along its edge.
    let end = widest.min(highest / slope);
    chart
        .draw_series(DashedLineSeries::new([(0.0, 0.0), (end, slope * end)], 6, 4, PROPORTIONAL.stroke_width(1)))?
        .label(format!("proportional, from {} messages", first.messages))
        .legend(|(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], PROPORTIONAL));
    let lines: [(&str, RGBColor, Seconds); 2] = [
        ("clustering, its segmentation included", CLUSTERING, |cost| cost.clustering),
        ("segmentation alone", SEGMENTATION, |cost| cost.segmentation),
    ];
    for (name, color, seconds) in lines {
        let points = || costs.iter().map(|cost| (thousand(cost), seconds(cost)));
        chart
            .draw_series(LineSeries::new(points(), color.stroke_width(2)))?
            .label(name)
            .legend(move |(x, y)| PathElement::new(vec![(x, y), (x + 20, y)], color.stroke_width(2)));
        chart.draw_series(points().map(|point| Circle::new(point, 4, color.filled())))?;
    }
    chart
        .configure_series_labels()
        .position(SeriesLabelPosition::UpperLeft)
        .margin(12)
        .label_font(("sans-serif", 14))
        .background_style(WHITE)
        .border_style(TRANSPARENT)
        .draw()?;
    root.present()?;
    Ok(())
}
