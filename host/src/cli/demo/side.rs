//! The three sides of the demo's calendar. Google and Outlook know nothing of each other: what is made on one arrives on
//! the other through the application's calendar.

/// Where somebody edits, and where it has to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Side {
    /// In Google's own pages.
    Google,
    /// In the application.
    Application,
    /// In Outlook's own pages.
    Outlook,
}

impl Side {
    /// All of them, as the page shows them from left to right.
    pub(super) const ALL: [Self; 3] = [Self::Google, Self::Application, Self::Outlook];
    /// The sides at a provider.
    pub(super) const PROVIDERS: [Self; 2] = [Self::Google, Self::Outlook];

    /// The two others.
    pub(super) fn others(self) -> [Self; 2] {
        match self {
            Self::Google => [Self::Application, Self::Outlook],
            Self::Application => [Self::Google, Self::Outlook],
            Self::Outlook => [Self::Application, Self::Google],
        }
    }

    /// For people.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Google => "Google",
            Self::Application => "your application",
            Self::Outlook => "Outlook",
        }
    }

    /// Its name in the page's form.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Google => "google",
            Self::Application => "application",
            Self::Outlook => "outlook",
        }
    }

    /// The side of that name in the page's form.
    pub(super) fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|side| side.word() == word)
    }
}

/// One thing for each side.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sides<T> {
    /// Google's.
    pub(super) google: T,
    /// The application's.
    pub(super) application: T,
    /// Outlook's.
    pub(super) outlook: T,
}

impl<T> Sides<T> {
    /// That side's.
    pub(super) fn of(&self, side: Side) -> &T {
        match side {
            Side::Google => &self.google,
            Side::Application => &self.application,
            Side::Outlook => &self.outlook,
        }
    }

    /// That side's, to be changed.
    pub(super) fn of_mut(&mut self, side: Side) -> &mut T {
        match side {
            Side::Google => &mut self.google,
            Side::Application => &mut self.application,
            Side::Outlook => &mut self.outlook,
        }
    }

    /// All three, from left to right.
    pub(super) fn all(&self) -> [&T; 3] {
        [&self.google, &self.application, &self.outlook]
    }
}
