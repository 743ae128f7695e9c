//! Charts as SVG: lines over two axes, and marks in rows over one. It draws what it is given and judges nothing.

use std::fmt::Write;

/// Distinct also without colours: each has a mark of its own.
const COLOURS: [&str; 4] = ["#0b6e4f", "#c1440e", "#3b5b92", "#8a6d1d"];
const WIDTH: f64 = 860.0;
const TOP: f64 = 56.0;

/// An axis on which each step is so many times the one before.
#[derive(Clone, Copy, Debug)]
struct Scale {
    /// Logarithms of the ends of what is shown.
    values: (f64, f64),
    /// Where these lie, in pixels.
    pixels: (f64, f64),
}

impl Scale {
    /// Holds all of these, to the next power of ten on either side.
    fn over(values: impl Iterator<Item = f64>, pixels: (f64, f64)) -> Option<Self> {
        let (mut low, mut high) = (f64::INFINITY, f64::NEG_INFINITY);
        for value in values.filter(|it| *it > 0.0) {
            low = low.min(value.log10().floor());
            high = high.max(value.log10().ceil());
        }
        if low > high {
            return None;
        }
        if low == high {
            high += 1.0;
        }
        Some(Self {
            values: (low, high),
            pixels,
        })
    }

    fn at(self, value: f64) -> f64 {
        let part = (value.log10() - self.values.0) / (self.values.1 - self.values.0);
        self.pixels.0 + part * (self.pixels.1 - self.pixels.0)
    }

    /// The powers of ten, no more than about eight of them.
    fn ticks(self) -> impl Iterator<Item = f64> {
        let step = ((self.values.1 - self.values.0) / 8.0).ceil().max(1.0);
        let (mut next, last) = (self.values.0, self.values.1);
        std::iter::from_fn(move || {
            let tick = next;
            next += step;
            (tick <= last).then(|| 10f64.powf(tick))
        })
    }
}

/// One line of a chart.
#[derive(Clone, Debug)]
pub(super) struct Line {
    /// What it is.
    pub(super) name: String,
    /// Where it goes.
    pub(super) points: Vec<(f64, f64)>,
}

/// Lines over two axes, both in powers of ten. `None` when there is nothing to be drawn.
pub(super) fn lines(title: &str, across: &str, up: &str, lines: &[Line]) -> Option<String> {
    let height = 400.0;
    let points = || lines.iter().flat_map(|line| &line.points);
    let x = Scale::over(points().map(|it| it.0), (80.0, WIDTH - 24.0))?;
    let y = Scale::over(points().map(|it| it.1), (height - 56.0, TOP + 14.0))?;
    let mut svg = begin(height, title);
    legend(&mut svg, lines.iter().map(|line| line.name.as_str()));
    for tick in x.ticks() {
        rule(&mut svg, (x.at(tick), y.pixels.0), (x.at(tick), y.pixels.1));
        text(
            &mut svg,
            (x.at(tick), height - 38.0),
            "middle",
            &short(tick),
        );
    }
    for tick in y.ticks() {
        rule(&mut svg, (x.pixels.0, y.at(tick)), (x.pixels.1, y.at(tick)));
        text(
            &mut svg,
            (x.pixels.0 - 8.0, y.at(tick) + 4.0),
            "end",
            &short(tick),
        );
    }
    text(
        &mut svg,
        (f64::midpoint(x.pixels.0, x.pixels.1), height - 14.0),
        "middle",
        across,
    );
    let middle = f64::midpoint(y.pixels.0, y.pixels.1);
    let _ = writeln!(
        svg,
        r#"<text x="20" y="{middle:.1}" text-anchor="middle" transform="rotate(-90 20 {middle:.1})">{}</text>"#,
        escaped(up)
    );
    for (number, line) in lines.iter().enumerate() {
        let colour = COLOURS[number % COLOURS.len()];
        let path: Vec<String> = line
            .points
            .iter()
            .map(|&(a, b)| format!("{:.1},{:.1}", x.at(a), y.at(b)))
            .collect();
        let _ = writeln!(
            svg,
            r#"<polyline points="{}" fill="none" stroke="{colour}" stroke-width="2"/>"#,
            path.join(" ")
        );
        for &(a, b) in &line.points {
            mark(&mut svg, number, (x.at(a), y.at(b)));
        }
    }
    Some(end(svg))
}

/// Rows with marks on one axis in powers of ten, with a line at one. Each row has a place for each of `names`.
pub(super) fn marks(
    title: &str,
    names: &[&str],
    rows: &[(String, Vec<Option<f64>>)],
) -> Option<String> {
    const LABELS: f64 = 430.0;
    const ROW: f64 = 22.0;
    let height = TOP + ROW * (rows.len() as f64 + 2.0);
    let values = rows.iter().flat_map(|(_, marks)| marks.iter().flatten());
    let x = Scale::over(values.copied().chain([1.0]), (LABELS, WIDTH - 30.0))?;
    let (top, bottom) = (TOP + 10.0, TOP + 10.0 + ROW * rows.len() as f64);
    let mut svg = begin(height, title);
    legend(&mut svg, names.iter().copied());
    for tick in x.ticks() {
        rule(&mut svg, (x.at(tick), top), (x.at(tick), bottom));
        text(
            &mut svg,
            (x.at(tick), bottom + 18.0),
            "middle",
            &short(tick),
        );
    }
    let _ = writeln!(
        svg,
        r##"<line x1="{0:.1}" y1="{top:.1}" x2="{0:.1}" y2="{bottom:.1}" stroke="#222" stroke-width="1.5"/>"##,
        x.at(1.0)
    );
    for (number, (label, marks)) in rows.iter().enumerate() {
        let y = top + ROW * (number as f64 + 0.5);
        text(&mut svg, (LABELS - 10.0, y + 4.0), "end", label);
        for (kind, value) in marks.iter().enumerate() {
            if let Some(value) = value.filter(|it| *it > 0.0) {
                mark(&mut svg, kind, (x.at(value), y));
            }
        }
    }
    Some(end(svg))
}

fn begin(height: f64, title: &str) -> String {
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="12" fill="#222">
<rect width="{WIDTH}" height="{height}" fill="#fff"/>
"##
    );
    let _ = writeln!(
        svg,
        r#"<text x="14" y="22" font-size="15" font-weight="bold">{}</text>"#,
        escaped(title)
    );
    svg
}

fn end(mut svg: String) -> String {
    svg.push_str("</svg>\n");
    svg
}

fn legend<'a>(svg: &mut String, names: impl Iterator<Item = &'a str>) {
    let mut x = 20.0;
    for (number, name) in names.enumerate() {
        mark(svg, number, (x, 40.0));
        text(svg, (x + 10.0, 44.0), "start", name);
        x += 34.0 + 6.6 * name.chars().count() as f64;
    }
}

fn mark(svg: &mut String, number: usize, (x, y): (f64, f64)) {
    let colour = COLOURS[number % COLOURS.len()];
    let _ = match number % COLOURS.len() {
        0 => writeln!(
            svg,
            r#"<circle cx="{x:.1}" cy="{y:.1}" r="4.5" fill="{colour}"/>"#
        ),
        1 => writeln!(
            svg,
            r#"<rect x="{:.1}" y="{:.1}" width="8" height="8" fill="{colour}"/>"#,
            x - 4.0,
            y - 4.0
        ),
        2 => writeln!(
            svg,
            r#"<path d="M{x:.1} {:.1}l5 9h-10z" fill="{colour}"/>"#,
            y - 5.0
        ),
        _ => writeln!(
            svg,
            r#"<path d="M{x:.1} {:.1}l5 5l-5 5l-5 -5z" fill="{colour}"/>"#,
            y - 5.0
        ),
    };
}

fn rule(svg: &mut String, (ax, ay): (f64, f64), (bx, by): (f64, f64)) {
    let _ = writeln!(
        svg,
        r##"<line x1="{ax:.1}" y1="{ay:.1}" x2="{bx:.1}" y2="{by:.1}" stroke="#ddd"/>"##
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, words: &str) {
    let _ = writeln!(
        svg,
        r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{}</text>"#,
        escaped(words)
    );
}

/// A power of ten as people write it.
fn short(value: f64) -> String {
    if (0.001..1e4).contains(&value) {
        format!("{value}")
    } else {
        format!("1e{:.0}", value.log10())
    }
}

fn escaped(words: &str) -> String {
    words
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::{Line, lines, marks};

    #[test]
    fn a_chart_has_all_its_points_inside() {
        let line = Line {
            name: "a < b".to_owned(),
            points: vec![(1.0, 0.5), (10.0, 7.0), (1e6, 2e3)],
        };
        let svg = lines("title", "across", "up", &[line]).expect("there are points");
        assert!(svg.contains("a &lt; b") && svg.ends_with("</svg>\n"));
        // One in the legend, and one for each point.
        let circles: Vec<&str> = svg.lines().filter(|it| it.starts_with("<circle")).collect();
        assert_eq!(circles.len(), 4);
        for circle in circles {
            let numbers: Vec<f64> = circle.split('"').filter_map(|it| it.parse().ok()).collect();
            assert!((0.0..=860.0).contains(&numbers[0]), "{circle}");
            assert!((0.0..=400.0).contains(&numbers[1]), "{circle}");
        }
        assert!(lines("title", "across", "up", &[]).is_none());
    }

    #[test]
    fn what_was_not_measured_has_no_mark() {
        let rows = [("row".to_owned(), vec![Some(0.01), None])];
        let svg = marks("title", &["one", "other"], &rows).expect("there is a mark");
        assert_eq!(svg.matches("<circle").count(), 2);
        // The white ground, and the one of the legend.
        assert_eq!(svg.matches("<rect").count(), 2);
    }
}
