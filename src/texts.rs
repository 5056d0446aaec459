//! STUB
use crate::domain::Guidance;
#[derive(Debug, Clone, Copy, Default)]
pub enum Locale {
    #[default]
    En,
}
impl Locale {
    pub fn from_name(_: &str) -> Option<Self> {
        Some(Self::En)
    }
}
#[derive(Debug)]
pub struct Texts;
impl Texts {
    pub fn builtin(_: Locale) -> Self {
        Self
    }
    pub fn text(&self, g: Guidance) -> &str {
        g.code()
    }
}
