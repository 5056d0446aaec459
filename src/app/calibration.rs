//! Proposes settings for a camera from measurements of a person who looks straight. Pure.
//!
//! Only two things are proposed: what the mounting explains (the tilt), and a gate that keeps those out who stand
//! farther away than the kiosk's own place. A gate is never loosened: where the view is bad, the advice is to
//! change the view.

use std::collections::BTreeMap;

use crate::domain::{Lens, MeasureName};

pub(super) const PITCH: MeasureName = MeasureName("head_pose_pitch");
pub(super) const YAW: MeasureName = MeasureName("head_pose_yaw");
pub(super) const LUMINANCE: MeasureName = MeasureName("luminance_mean");
pub(super) const EYES: MeasureName = MeasureName("inter_eye_distance");

/// What is measured of each frame.
pub(super) const MEASURED: [MeasureName; 4] = [PITCH, YAW, LUMINANCE, EYES];

/// Fewer frames than this tell nothing.
const FEWEST: usize = 15;
/// A head that rests stays within so many degrees.
const RESTLESS: f64 = 4.0;
/// Nearer to level than this is level: people differ by more.
const LEVEL: f64 = 3.0;
/// Farther to the side than this the camera stands beside the person, in degrees.
const ASIDE: f64 = 5.0;
/// The share of the usual eye distance below which somebody stands farther back than the kiosk's place.
const FARTHER_BACK: f64 = 0.7;
/// The middle of the light that the gate of luminance lets through: outside, a cloud decides.
const WELL_LIT: std::ops::RangeInclusive<f64> = 0.15..=0.65;
/// Makes the median deviation of a normal distribution its standard deviation.
const NORMAL: f64 = 1.4826;

/// The values of one frame with exactly one face, in the order of [`MEASURED`].
pub(super) type Sample = [f64; 4];

/// The middle of some values, and how far they lie around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    /// As a standard deviation, but from the median deviation: one glance aside does not count.
    pub(super) deviation: f64,
}

/// What is in force at the time.
#[derive(Debug, Clone, Copy)]
pub(super) struct Present {
    pub(super) tilt: f64,
    pub(super) eyes_min: Option<f64>,
    pub(super) lens: Option<Lens>,
    /// The pictures' width in pixels.
    pub(super) width: u32,
}

/// A value for the configuration, and why.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Setting {
    pub(super) key: &'static str,
    pub(super) value: f64,
    pub(super) now: Option<f64>,
    pub(super) reason: String,
}

/// What is proposed.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Proposal {
    pub(super) measured: BTreeMap<&'static str, Spread>,
    pub(super) settings: Vec<Setting>,
    /// What the mounting or the light should do better, and why something is not proposed.
    pub(super) notes: Vec<String>,
}

/// Proposes settings; pitches are those that a level camera would tell.
pub(super) fn propose(samples: &[Sample], present: Present) -> Proposal {
    let mut proposal = Proposal::default();
    if samples.len() < FEWEST {
        proposal.notes.push(format!(
            "only {} frames showed exactly one face, {FEWEST} are needed: one person stands at the usual place \
             and looks straight ahead",
            samples.len()
        ));
        return proposal;
    }
    let [pitch, yaw, luminance, eyes] =
        [0, 1, 2, 3].map(|index| spread(samples.iter().map(|sample| sample[index]).collect()));
    for (name, spread) in MEASURED.iter().zip([pitch, yaw, luminance, eyes]) {
        proposal.measured.insert(name.0, spread);
    }
    proposal.tilt(pitch, present);
    proposal.distance(eyes, present);
    proposal.side(yaw);
    proposal.light(luminance);
    proposal
}

impl Proposal {
    fn tilt(&mut self, pitch: Spread, present: Present) {
        if pitch.deviation > RESTLESS {
            return self.notes.push(format!(
                "no tilt is proposed: the head nodded by {:.1} degrees around {:.1}; look straight ahead and \
                 measure again",
                pitch.deviation, pitch.median
            ));
        }
        let tilt = if pitch.median.abs() < LEVEL { 0.0 } else { half(pitch.median) };
        if (tilt - present.tilt).abs() < LEVEL {
            return;
        }
        self.settings.push(Setting {
            key: "camera.tilt",
            value: tilt,
            now: Some(present.tilt),
            reason: format!(
                "a person who looks straight ahead is seen with a nod of {:.1} degrees (deviation {:.1}); people \
                 differ by 5 degrees and more, so measure two or three and take the middle",
                pitch.median, pitch.deviation
            ),
        });
    }

    fn distance(&mut self, eyes: Spread, present: Present) {
        let Some(least) = present.eyes_min else { return };
        let far = |px: f64| {
            let lens = present.lens;
            lens.map_or_else(String::new, |lens| {
                format!(" ({:.0} cm away)", lens.distance(px, present.width) * 100.0)
            })
        };
        if eyes.median < least {
            return self.notes.push(format!(
                "the eyes are {:.0} px apart{}, {least:.0} px wanted{}: mount the camera nearer",
                eyes.median,
                far(eyes.median),
                far(least)
            ));
        }
        let gate = (eyes.median * FARTHER_BACK).floor();
        if gate <= least {
            return;
        }
        self.settings.push(Setting {
            key: "capture.gates.inter_eye_distance_min",
            value: gate,
            now: Some(least),
            reason: format!(
                "at the usual place the eyes are {:.0} px apart{} (deviation {:.1}); below {gate:.0} px{} somebody \
                 stands behind it",
                eyes.median,
                far(eyes.median),
                eyes.deviation,
                far(gate)
            ),
        });
    }

    fn side(&mut self, yaw: Spread) {
        if yaw.median.abs() <= ASIDE {
            return;
        }
        // A face that seems to look to its own left has the lens on its right.
        let side = if yaw.median > 0.0 { "left" } else { "right" };
        self.notes.push(format!(
            "the face is turned by {:.1} degrees (deviation {:.1}): mount the camera farther to the person's {side}; \
             no gate makes up for it",
            yaw.median, yaw.deviation
        ));
    }

    fn light(&mut self, luminance: Spread) {
        if WELL_LIT.contains(&luminance.median) {
            return;
        }
        let (what, remedy) = if luminance.median < *WELL_LIT.start() {
            ("dark", "put a lamp beside the camera, or set camera.exposure or camera.gain higher")
        } else {
            ("bright", "keep direct light off the face, or set camera.exposure lower")
        };
        self.notes.push(format!(
            "the face is {what}: mean luminance {:.2} (deviation {:.2}), {} to {} is safe: {remedy}",
            luminance.median,
            luminance.deviation,
            WELL_LIT.start(),
            WELL_LIT.end()
        ));
    }

    /// The settings as TOML to paste, each under its reason; empty without any.
    pub(super) fn as_toml(&self) -> String {
        let mut toml = String::new();
        let mut section = "";
        for setting in &self.settings {
            let (this, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
            if this != section {
                section = this;
                toml.push_str(&format!("[{section}]\n"));
            }
            toml.push_str(&format!("# {}\n{name} = {}\n", setting.reason, setting.value));
        }
        toml
    }
}

fn spread(values: Vec<f64>) -> Spread {
    let middle = median(values.clone());
    let deviation = NORMAL * median(values.iter().map(|value| (value - middle).abs()).collect());
    Spread { median: middle, deviation }
}

/// The middle value; 0 without any.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let upper = values.get(values.len() / 2).copied().unwrap_or_default();
    let lower = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or_default();
    f64::midpoint(lower, upper)
}

fn half(degrees: f64) -> f64 {
    (degrees * 2.0).round() / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRESENT: Present = Present { tilt: 0.0, eyes_min: Some(60.0), lens: None, width: 1_280 };

    /// Thirty frames around these values, with one glance far aside.
    fn proposed([pitch, yaw, luminance, eyes]: Sample, present: Present) -> Proposal {
        let jitter = |index: usize| (index % 3) as f64 - 1.0;
        let mut samples: Vec<Sample> =
            (0..30).map(|it| [pitch + jitter(it), yaw + jitter(it), luminance, eyes]).collect();
        samples[7] = [pitch + 40.0, yaw - 60.0, luminance, eyes];
        propose(&samples, present)
    }

    fn keys(proposal: &Proposal) -> Vec<(&'static str, f64)> {
        proposal.settings.iter().map(|setting| (setting.key, setting.value)).collect()
    }

    #[test]
    fn a_good_view_needs_no_change() {
        let proposal = proposed([1.0, -2.0, 0.4, 80.0], PRESENT);
        assert_eq!((keys(&proposal), proposal.notes), (vec![], vec![]));
        assert_eq!(proposal.measured["head_pose_pitch"].median, 1.0);
    }

    #[test]
    fn the_tilt_is_the_middle_nod_however_one_glance_went() {
        for (pitch, tilt) in [(11.3, 11.5), (-7.9, -8.0)] {
            let proposal = proposed([pitch, 0.0, 0.4, 80.0], PRESENT);
            assert_eq!(keys(&proposal), [("camera.tilt", tilt)]);
            assert!(proposal.settings[0].reason.contains("deviation"));
        }
    }

    #[test]
    fn a_tilt_that_is_already_set_is_not_proposed_again_and_a_wrong_one_is_taken_back() {
        let set = Present { tilt: 11.0, ..PRESENT };
        assert_eq!(keys(&proposed([11.3, 0.0, 0.4, 80.0], set)), []);
        assert_eq!(keys(&proposed([0.5, 0.0, 0.4, 80.0], set)), [("camera.tilt", 0.0)]);
    }

    #[test]
    fn a_nodding_head_gives_no_tilt_but_the_reason() {
        let samples: Vec<Sample> = (0..30).map(|it| [f64::from(it), 0.0, 0.4, 80.0]).collect();
        let proposal = propose(&samples, PRESENT);
        assert_eq!(keys(&proposal), []);
        assert!(proposal.notes[0].starts_with("no tilt is proposed: the head nodded"));
    }

    #[test]
    fn the_gate_of_distance_is_raised_but_never_loosened() {
        let near = proposed([0.0, 0.0, 0.4, 150.0], PRESENT);
        assert_eq!(keys(&near), [("capture.gates.inter_eye_distance_min", 105.0)]);
        let far = proposed([0.0, 0.0, 0.4, 50.0], PRESENT);
        assert_eq!(keys(&far), []);
        assert_eq!(far.notes, ["the eyes are 50 px apart, 60 px wanted: mount the camera nearer"]);
    }

    #[test]
    fn with_a_known_lens_distances_are_told_in_centimetres() {
        let lens = Some(Lens { horizontal_fov: 65.0 });
        let far = proposed([0.0, 0.0, 0.4, 50.0], Present { lens, ..PRESENT });
        let wanted = "the eyes are 50 px apart (127 cm away), 60 px wanted (105 cm away): mount the camera nearer";
        assert_eq!(far.notes, [wanted]);
    }

    #[test]
    fn a_camera_beside_the_person_and_bad_light_are_told_not_gated() {
        let aside = proposed([0.0, 9.0, 0.05, 80.0], PRESENT);
        assert_eq!(keys(&aside), []);
        assert!(aside.notes[0].contains("farther to the person's left"), "{:?}", aside.notes);
        assert!(aside.notes[1].starts_with("the face is dark"), "{:?}", aside.notes);
        let bright = proposed([0.0, 0.0, 0.7, 80.0], PRESENT);
        assert!(bright.notes[0].starts_with("the face is bright"));
    }

    #[test]
    fn a_few_frames_are_not_enough() {
        let proposal = propose(&[[9.0, 0.0, 0.4, 80.0]; 14], PRESENT);
        assert_eq!(keys(&proposal), []);
        assert!(proposal.notes[0].starts_with("only 14 frames showed exactly one face"));
    }

    #[test]
    fn the_toml_is_what_the_configuration_reads() {
        let toml = proposed([11.3, 0.0, 0.4, 150.0], PRESENT).as_toml();
        let table: toml::Table = toml.parse().unwrap_or_default();
        assert_eq!(table["camera"]["tilt"].as_float(), Some(11.5));
        let gate = &table["capture"]["gates"]["inter_eye_distance_min"];
        assert_eq!(gate.as_integer(), Some(105));
    }
}
