//! The figures of the story, as a small table on standard output.

use std::io::Write as _;
use std::time::Duration;

use super::trouble::{Told, Trouble};

/// Rows of a name and a figure, in the order of the story.
#[derive(Debug, Default)]
pub(super) struct Figures {
    rows: Vec<(String, String)>,
}

impl Figures {
    /// Add a row.
    pub(super) fn add(&mut self, name: &str, figure: impl Into<String>) {
        self.rows.push((name.to_owned(), figure.into()));
    }

    /// The table as text.
    pub(super) fn table(&self) -> String {
        let width = self.rows.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let line = |(name, figure): &(String, String)| format!("  {name:<width$}  {figure}\n");
        self.rows.iter().map(line).collect()
    }
}

/// The middle one; half of them took no longer.
pub(super) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// Print to standard output.
pub(super) fn say(text: &str) -> Told<()> {
    let mut out = std::io::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|why| Trouble::new("standard output is closed", why))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_is_the_middle_one() {
        let ms = |ms: u64| Duration::from_millis(ms);
        assert_eq!(median(vec![ms(900), ms(1), ms(3)]), ms(3));
        assert_eq!(median(vec![]), ms(0));
    }

    #[test]
    fn columns_of_the_table_are_aligned() {
        let mut figures = Figures::default();
        figures.add("a", "1");
        figures.add("long", "2");
        assert_eq!(figures.table(), "  a     1\n  long  2\n");
    }
}
