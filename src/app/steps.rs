//! Tells how far the person in front of the camera has to come or go. Pure.

use crate::domain::{Assessment, Gate, Guidance, Lens, MeasureName, Reading, Reason};

/// What every distance is read off.
const EYES: MeasureName = MeasureName("inter_eye_distance");
/// People do not go by single centimetres.
const ROUNDED_TO: f64 = 5.0;
/// Further than this is no step: whoever is there is not yet at the kiosk.
const FURTHEST: f64 = 200.0;

/// Knows the lens and the limits.
#[derive(Debug, Clone)]
pub struct Steps {
    lens: Option<Lens>,
    gates: Vec<Gate>,
}

impl Steps {
    /// Without a lens nothing can be said.
    pub const fn new(lens: Option<Lens>, gates: Vec<Gate>) -> Self {
        Self { lens, gates }
    }

    /// Centimetres to the nearest place where the gate that `guidance` is about would pass, rounded up to five;
    /// `None` where they are not known or the guidance is about something else. A picture has `width` pixels a row.
    pub fn centimetres(
        &self,
        guidance: Guidance,
        assessment: &Assessment,
        width: u32,
    ) -> Option<u32> {
        let Guidance::Fix(reason @ (Reason::MoveCloser | Reason::MoveBack)) = guidance else {
            return None;
        };
        let native = |measure| match assessment.get(measure) {
            Some(Reading::Assessed { native, .. }) => Some(native),
            _ => None,
        };
        let distance = self.lens?.distance(native(EYES)?, width);
        // Sizes in a picture go with one over the distance.
        let share = self.gates.iter().find_map(|gate| {
            let size = native(gate.measure)?;
            let limit = if reason == Reason::MoveCloser { gate.min } else { gate.max }?;
            (gate.check(size) == Some(reason)).then_some(size / limit)
        })?;
        let step = (distance - distance * share).abs() * 100.0;
        let rounded = (step / ROUNDED_TO).ceil() * ROUNDED_TO;
        // It is a small whole number.
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 200")]
        (rounded <= FURTHEST).then_some(rounded as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LENS: Lens = Lens { horizontal_fov: 65.0 };
    const HEAD: MeasureName = MeasureName("head_size");

    fn gate(measure: MeasureName, min: Option<f64>, max: Option<f64>) -> Gate {
        let (below, above) = (Reason::MoveCloser, Reason::MoveBack);
        Gate { measure, min, max, below, above }
    }

    fn steps(lens: Option<Lens>) -> Steps {
        Steps::new(lens, vec![gate(EYES, Some(60.0), None), gate(HEAD, None, Some(0.8))])
    }

    fn seen(eyes: f64, head: f64) -> Assessment {
        let reading = |native| Reading::Assessed { native, score: 0.0 };
        Assessment { readings: vec![(EYES, reading(eyes)), (HEAD, reading(head))] }
    }

    fn told(reason: Reason, eyes: f64, head: f64) -> Option<u32> {
        steps(Some(LENS)).centimetres(Guidance::Fix(reason), &seen(eyes, head), 1_280)
    }

    #[test]
    fn the_step_ends_where_the_gate_passes() {
        // 0.063 m are 40 px at 1.58 m and 60 px at 1.05 m.
        assert_eq!(told(Reason::MoveCloser, 40.0, 0.2), Some(55));
        assert_eq!(told(Reason::MoveCloser, 59.0, 0.2), Some(5), "never less than a small step");
        // 0.063 m are 200 px at 0.32 m; a head of 1.0 is one of 0.8 at 0.39 m.
        assert_eq!(told(Reason::MoveBack, 200.0, 1.0), Some(10));
    }

    #[test]
    fn what_is_not_known_is_not_told() {
        let closer = Guidance::Fix(Reason::MoveCloser);
        assert_eq!(steps(None).centimetres(closer, &seen(40.0, 0.2), 1_280), None, "no lens");
        assert_eq!(told(Reason::TooDark, 40.0, 0.2), None, "another matter");
        assert_eq!(told(Reason::MoveCloser, 70.0, 0.2), None, "this frame passes");
        assert_eq!(told(Reason::MoveCloser, 9.0, 0.05), None, "metres away");
        assert_eq!(steps(Some(LENS)).centimetres(closer, &Assessment::default(), 1_280), None);
    }
}
