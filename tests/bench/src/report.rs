//! The table of results.

/// How a number compares with its bar.
#[derive(Clone, Copy, Default)]
pub(crate) enum Bar {
    /// It should be above this.
    Above(f64),
    /// It should be below this.
    Below(f64),
    /// There is none.
    #[default]
    None,
}

#[derive(Default)]
struct Row {
    name: String,
    value: f64,
    unit: &'static str,
    runs: usize,
    bar: Bar,
}

/// Results so far.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Add the median of some runs, and show it at once.
    pub(crate) fn add(&mut self, name: impl Into<String>, values: &[f64], unit: &'static str, bar: Bar) {
        let row = Row { name: name.into(), value: median(values), unit, runs: values.len(), bar };
        println!("{}", row.line());
        self.rows.push(row);
    }

    /// Say why there is no number.
    pub(crate) fn not_measured(&mut self, name: impl Into<String>, why: &str) {
        let row = Row { name: format!("{} not measured: {why}", name.into()), ..Row::default() };
        println!("{}", row.line());
        self.rows.push(row);
    }

    /// The whole table.
    pub(crate) fn print(&self) {
        println!("\n{:<58} {:>12} {:<9} {:>4}  {:<12} {:>6}", "what", "median", "unit", "runs", "bar", "times");
        for row in &self.rows {
            println!("{}", row.line());
        }
    }
}

impl Row {
    /// `times` is how many times better than the bar it is; below 1 the bar is missed.
    fn line(&self) -> String {
        if self.runs == 0 {
            return self.name.clone();
        }
        let (bar, times) = match self.bar {
            Bar::Above(bar) => (format!("> {}", number(bar)), format!("{:.2}", self.value / bar)),
            Bar::Below(bar) => (format!("< {}", number(bar)), format!("{:.2}", bar / self.value)),
            Bar::None => (String::new(), String::new()),
        };
        let (name, value) = (&self.name, number(self.value));
        format!("{name:<58} {value:>12} {:<9} {:>4}  {bar:<12} {times:>6}", self.unit, self.runs)
    }
}

fn number(value: f64) -> String {
    if value >= 1_000.0 { format!("{value:.0}") } else { format!("{value:.3}") }
}

/// The median; 0 of nothing.
pub(crate) fn median(values: &[f64]) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this share of the values lies; 0 of nothing.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "an index into a list of samples"
    )]
    let index = ((sorted.len().saturating_sub(1)) as f64 * share).round() as usize;
    sorted.get(index).copied().unwrap_or(0.0)
}
