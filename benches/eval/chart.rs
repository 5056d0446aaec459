//! Draws curves as SVG.

use std::fmt::Write as _;

/// One curve: its name and its points.
pub(crate) struct Curve {
    pub(crate) name: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One small diagram.
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) x_label: String,
    pub(crate) curves: Vec<Curve>,
    /// The highest value of the upright axis.
    pub(crate) top: f64,
}

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 190.0;
const LEFT: f64 = 44.0;
const BOTTOM: f64 = 40.0;
const ABOVE: f64 = 42.0;
const COLOURS: [&str; 4] = ["#0b7285", "#e8590c", "#5f3dc4", "#868e96"];

/// Panels in rows of three; colours that also tell apart in print.
pub(crate) fn svg(panels: &[Panel]) -> String {
    let rows = panels.len().div_ceil(3).max(1);
    let (width, height) = (WIDTH * panels.len().clamp(1, 3) as f64, HEIGHT * rows as f64);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" font-family=\"sans-serif\" \
         font-size=\"10\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        let (x, y) = ((index % 3) as f64 * WIDTH, (index / 3) as f64 * HEIGHT);
        let _ = write!(out, "<g transform=\"translate({x} {y})\">\n{}</g>\n", drawn(panel));
    }
    out.push_str("</svg>\n");
    out
}

fn drawn(panel: &Panel) -> String {
    let mut out = String::new();
    let xs: Vec<f64> = panel.curves.iter().flat_map(|c| &c.points).map(|p| p.0).collect();
    let low = xs.iter().copied().fold(f64::MAX, f64::min);
    let high = xs.iter().copied().fold(f64::MIN, f64::max);
    let span = if high > low { high - low } else { 1.0 };
    let place_x = |x: f64| LEFT + (x - low) / span * (WIDTH - LEFT - 12.0);
    let place_y = |y: f64| HEIGHT - BOTTOM - y / panel.top * (HEIGHT - BOTTOM - ABOVE);
    let _ =
        writeln!(out, "<text x=\"{LEFT}\" y=\"14\" font-weight=\"bold\">{}</text>", panel.title);
    for part in 0..=2 {
        let value = panel.top * f64::from(part) / 2.0;
        let y = place_y(value);
        let _ = writeln!(out, "<path d=\"M{LEFT} {y:.1}H{}\" stroke=\"#ced4da\"/>", WIDTH - 12.0);
        let _ = writeln!(
            out,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 5.0,
            y + 3.0,
            short(value)
        );
    }
    for value in [low, low + span / 2.0, high] {
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
            place_x(value),
            HEIGHT - BOTTOM + 14.0,
            short(value)
        );
    }
    let _ = writeln!(
        out,
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        (LEFT + WIDTH) / 2.0,
        HEIGHT - 10.0,
        panel.x_label
    );
    for (index, curve) in panel.curves.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let dash = if index % 2 == 0 { "" } else { " stroke-dasharray=\"5 3\"" };
        let path: Vec<_> = curve
            .points
            .iter()
            .map(|(x, y)| format!("{:.1},{:.1}", place_x(*x), place_y(y.min(panel.top))))
            .collect();
        let _ = writeln!(
            out,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>",
            path.join(" ")
        );
        let x = LEFT + index as f64 * 62.0;
        let _ = writeln!(out, "<text x=\"{x}\" y=\"30\" fill=\"{colour}\">{}</text>", curve.name);
    }
    out
}

/// As few digits as tell it.
pub(crate) fn short(value: f64) -> String {
    let text = format!("{value:.2}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
