//! The fields of a person on the command line.

use clap::Args;

use crate::web::wire::PersonRequest;

/// The fields that `enroll` and `update` take; only what is given is changed.
#[derive(Clone, Args)]
pub(super) struct FieldArgs {
    /// Full name
    #[arg(long)]
    name: Option<String>,
    /// M or F
    #[arg(long)]
    gender: Option<String>,
    /// As YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    date_of_birth: Option<String>,
    /// Nationality or country code
    #[arg(long)]
    nationality: Option<String>,
    /// A collection id; repeatable; together they replace the person's collections
    #[arg(long = "collection", value_name = "ID")]
    collections: Vec<String>,
    /// Free-form notes
    #[arg(long)]
    notes: Option<String>,
}

impl std::fmt::Debug for FieldArgs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FieldArgs(..)")
    }
}

impl FieldArgs {
    /// The request for these fields of this person.
    pub(super) fn request(self, person_id: String) -> PersonRequest {
        PersonRequest {
            person_id,
            name: self.name,
            gender: self.gender,
            date_of_birth: self.date_of_birth,
            nationality: self.nationality,
            collections: (!self.collections.is_empty()).then_some(self.collections),
            notes: self.notes,
            images: None,
            timeout_s: None,
        }
    }
}
