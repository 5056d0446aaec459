//! Turns guidance codes into words, in the languages that the kiosk speaks.
//!
//! The texts stand in `config/guidance/`, one file a language, one line a code; they are built in.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::domain::Guidance;

/// A language of the kiosk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Locale {
    /// English.
    #[default]
    En,
    /// Spanish.
    Es,
    /// Portuguese as spoken in Brazil.
    PtBr,
}

impl Locale {
    /// Every language there is.
    pub const ALL: [Self; 3] = [Self::En, Self::Es, Self::PtBr];

    /// The name as it stands in the configuration and in `lang=` of the pages (BCP 47).
    pub const fn name(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Es => "es",
            Self::PtBr => "pt-BR",
        }
    }

    /// The language of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|locale| locale.name() == name)
    }

    const fn source(self) -> &'static str {
        match self {
            Self::En => include_str!("../config/guidance/en.toml"),
            Self::Es => include_str!("../config/guidance/es.toml"),
            Self::PtBr => include_str!("../config/guidance/pt-BR.toml"),
        }
    }
}

/// What the kiosk says in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Texts {
    locale: Locale,
    file: File,
}

/// A language's file.
#[derive(Debug, Clone, PartialEq, Eq, Default, Deserialize)]
struct File {
    #[serde(flatten)]
    by_code: BTreeMap<String, String>,
    /// Of codes that are about a distance; `{cm}` stands for it.
    in_centimetres: BTreeMap<String, String>,
}

impl Texts {
    /// The built-in texts of a language.
    pub fn builtin(locale: Locale) -> Self {
        // The files are part of the program; a test reads each of them whole. Should one ever be broken,
        // the codes themselves are shown rather than nothing.
        let file = toml::from_str(locale.source()).unwrap_or_default();
        Self { locale, file }
    }

    /// Which language it is.
    pub const fn locale(&self) -> Locale {
        self.locale
    }

    /// What to say for `guidance`.
    pub fn text(&self, guidance: Guidance) -> &str {
        self.file.by_code.get(guidance.code()).map_or(guidance.code(), String::as_str)
    }

    /// What to say for `guidance`, with how far to go where that is known.
    pub fn text_with(&self, guidance: Guidance, centimetres: Option<u32>) -> Cow<'_, str> {
        let template = self.file.in_centimetres.get(guidance.code());
        match (template, centimetres) {
            (Some(template), Some(centimetres)) => {
                Cow::Owned(template.replace("{cm}", &centimetres.to_string()))
            }
            _ => Cow::Borrowed(self.text(guidance)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::Reason;

    /// What fits on one or two lines of a small screen.
    const MAX_CHARS: usize = 75;

    #[test]
    fn every_language_has_a_text_for_every_code_and_no_other() {
        let codes: BTreeSet<_> = Guidance::all().map(Guidance::code).collect();
        for locale in Locale::ALL {
            let texts = Texts::builtin(locale);
            let found: BTreeSet<_> = texts.file.by_code.keys().map(String::as_str).collect();
            assert_eq!(found, codes, "{}", locale.name());
        }
    }

    #[test]
    fn texts_are_short_sentences_and_tell_the_codes_apart() {
        for locale in Locale::ALL {
            let texts = Texts::builtin(locale);
            let mut said = BTreeSet::new();
            for guidance in Guidance::all() {
                let text = texts.text(guidance);
                assert!(text.chars().count() <= MAX_CHARS, "{text}");
                assert!(text.ends_with(['.', '!']) && text.trim() == text, "{text}");
                assert!(said.insert(text), "{text} is said for two codes");
            }
        }
    }

    #[test]
    fn a_distance_is_told_in_every_language_where_it_is_known() {
        for locale in Locale::ALL {
            let texts = Texts::builtin(locale);
            for reason in [Reason::MoveCloser, Reason::MoveBack] {
                let guidance = Guidance::Fix(reason);
                let told = texts.text_with(guidance, Some(15));
                assert!(told.contains("15 cm") && !told.contains('{'), "{told}");
                assert!(told.ends_with('.') && told.chars().count() <= MAX_CHARS, "{told}");
                assert_eq!(texts.text_with(guidance, None), texts.text(guidance));
            }
            assert_eq!(texts.text_with(Guidance::Done, Some(15)), texts.text(Guidance::Done));
            assert_eq!(texts.file.in_centimetres.len(), 2, "{}", locale.name());
        }
    }

    #[test]
    fn a_language_is_known_by_its_exact_name() {
        for locale in Locale::ALL {
            assert_eq!(Locale::from_name(locale.name()), Some(locale));
        }
        assert_eq!(Locale::from_name("pt"), None);
    }
}
