//! The one closed list of codes that explain a refusal and guide a person.
//!
//! The same code stands on the screen, in JSON, in logs and in metrics. To add one: a variant and a row in
//! the table below, and a text in each file of `config/guidance/`.

/// Why a frame is not good enough. A failed gate is a reason.
///
/// Ordered by what must be put right first: someone who is not there cannot hold still, and the light
/// on a mask is not that on the face.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The frame could not be decoded.
    Damaged,
    /// The frame was too old when its turn came.
    Stale,
    /// Nobody is there.
    NoFace,
    /// More than one face is near.
    SeveralFaces,
    /// The face that is followed changed or was lost.
    FaceChanged,
    /// The face is too small.
    MoveCloser,
    /// The face is too large.
    MoveBack,
    /// The head reaches beyond the frame.
    CenterFace,
    /// Something covers the face.
    FaceCovered,
    /// Something hides the eyes, most likely dark glasses.
    EyesCovered,
    /// Too little light on the face.
    TooDark,
    /// Too much light on the face.
    TooBright,
    /// One side of the face is much darker.
    UnevenLight,
    /// The picture is grainy, mostly for want of light.
    NoisyPicture,
    /// The camera compresses the picture too much.
    CompressedPicture,
    /// The face looks to its own right: turn to the left.
    TurnLeft,
    /// The face looks to its own left: turn to the right.
    TurnRight,
    /// The face looks down.
    ChinUp,
    /// The face looks up.
    ChinDown,
    /// The head leans to a shoulder.
    StraightenHead,
    /// The picture is blurred.
    HoldStill,
    /// The eyes are closed or nearly so.
    OpenEyes,
    /// The mouth is open.
    CloseMouth,
}

impl Reason {
    /// Every reason, the one to put right first at the front.
    pub const ALL: [Self; 23] = [
        Self::Damaged,
        Self::Stale,
        Self::NoFace,
        Self::SeveralFaces,
        Self::FaceChanged,
        Self::MoveCloser,
        Self::MoveBack,
        Self::CenterFace,
        Self::FaceCovered,
        Self::EyesCovered,
        Self::TooDark,
        Self::TooBright,
        Self::UnevenLight,
        Self::NoisyPicture,
        Self::CompressedPicture,
        Self::TurnLeft,
        Self::TurnRight,
        Self::ChinUp,
        Self::ChinDown,
        Self::StraightenHead,
        Self::HoldStill,
        Self::OpenEyes,
        Self::CloseMouth,
    ];

    /// The code as it stands in JSON, logs, metrics and the texts' files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Damaged => "damaged_frame",
            Self::Stale => "stale_frame",
            Self::NoFace => "no_face",
            Self::SeveralFaces => "several_faces",
            Self::FaceChanged => "face_changed",
            Self::MoveCloser => "move_closer",
            Self::MoveBack => "move_back",
            Self::CenterFace => "center_face",
            Self::TooDark => "too_dark",
            Self::TooBright => "too_bright",
            Self::UnevenLight => "uneven_light",
            Self::NoisyPicture => "noisy_picture",
            Self::CompressedPicture => "compressed_picture",
            Self::TurnLeft => "turn_left",
            Self::TurnRight => "turn_right",
            Self::ChinUp => "chin_up",
            Self::ChinDown => "chin_down",
            Self::StraightenHead => "straighten_head",
            Self::FaceCovered => "face_covered",
            Self::EyesCovered => "eyes_covered",
            Self::HoldStill => "hold_still",
            Self::OpenEyes => "open_eyes",
            Self::CloseMouth => "close_mouth",
        }
    }

    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

/// The one instruction that the person sees now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Guidance {
    /// Something is to be put right.
    Fix(Reason),
    /// All is well: stay like this while shots are taken.
    StayLikeThis,
    /// To show that it is no picture: turn the head far to the own left.
    ShowLeft,
    /// To show that it is no picture: turn the head far to the own right.
    ShowRight,
    /// The question is answered, or begins anew: look at the camera again.
    LookAhead,
    /// The shots are taken and kept.
    Done,
    /// What was taken could not be kept, or the program failed: nothing of it is sent.
    NotSaved,
    /// The time ran out without enough good shots.
    TimedOut,
    /// The camera gives no pictures.
    NoCamera,
}

impl Guidance {
    /// The code as it stands in JSON, logs, metrics and the texts' files.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Fix(reason) => reason.code(),
            Self::StayLikeThis => "stay_like_this",
            Self::ShowLeft => "show_left",
            Self::ShowRight => "show_right",
            Self::LookAhead => "look_ahead",
            Self::Done => "done",
            Self::NotSaved => "not_saved",
            Self::TimedOut => "timed_out",
            Self::NoCamera => "no_camera",
        }
    }

    /// Every guidance there is.
    pub fn all() -> impl Iterator<Item = Self> {
        Reason::ALL.into_iter().map(Self::Fix).chain([
            Self::StayLikeThis,
            Self::ShowLeft,
            Self::ShowRight,
            Self::LookAhead,
            Self::Done,
            Self::NotSaved,
            Self::TimedOut,
            Self::NoCamera,
        ])
    }
}

impl std::fmt::Display for Guidance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_back_to_its_reason_and_the_list_is_in_order() {
        for reason in Reason::ALL {
            assert_eq!(Reason::from_code(reason.code()), Some(reason));
        }
        assert!(Reason::ALL.is_sorted());
        assert_eq!(Reason::from_code("smile"), None);
    }

    #[test]
    fn no_two_guidances_share_a_code() {
        let mut codes: Vec<_> = Guidance::all().map(Guidance::code).collect();
        codes.sort_unstable();
        let count = codes.len();
        codes.dedup();
        assert_eq!(codes.len(), count);
    }
}
