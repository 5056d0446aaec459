//! Shows one instruction at a time, calmly.
//!
//! An instruction once shown stands for at least [`MIN_SHOWN`]. Another one takes its place only after it
//! was asked for by two frames or more in a row over [`PERSISTENCE`]; where frames keep disagreeing among
//! themselves, the latest takes over once the shown one has found no support for [`UNSUPPORTED`].
//! Two ways are quicker: what is [announced](Guide::announce) (the end, a dead camera) shows at once, and
//! what is [insisted on](Guide::insist) (the choice was begun anew) needs no second frame.

use std::time::Duration;

use crate::domain::{Guidance, Moment};

/// The least time that an instruction stands before another frame's advice replaces it.
pub const MIN_SHOWN: Duration = Duration::from_millis(700);

/// How long a new instruction must have been asked for.
const PERSISTENCE: Duration = Duration::from_millis(200);

/// After how long without support the shown instruction gives way to whatever comes.
const UNSUPPORTED: Duration = Duration::from_millis(600);

/// How many frames in a row must disagree with what is shown.
const MIN_DOUBTS: u32 = 2;

/// Decides when the instruction on the screen changes.
///
/// Every method gives the new instruction when it changes, else nothing.
#[derive(Debug, Default)]
pub struct Guide {
    shown: Option<Shown>,
    challenger: Option<Challenger>,
}

#[derive(Debug)]
struct Shown {
    guidance: Guidance,
    since: Moment,
    supported: Moment,
    /// Frames in a row that asked for something else.
    doubts: u32,
}

#[derive(Debug)]
struct Challenger {
    guidance: Guidance,
    first: Moment,
    last: Moment,
    standing: Standing,
}

#[derive(Debug, PartialEq, Eq)]
enum Standing {
    /// Asked for by frames in a row.
    Asked,
    /// Shows as soon as the present instruction has had its time.
    Insisted,
}

impl Guide {
    /// Hears what one frame asks for.
    pub fn advise(&mut self, wanted: Guidance, now: Moment) -> Option<Guidance> {
        let Some(shown) = &mut self.shown else { return Some(self.show(wanted, now)) };
        let insisted = matches!(&self.challenger, Some(c) if c.standing == Standing::Insisted);
        if shown.guidance == wanted {
            shown.supported = now;
            shown.doubts = 0;
        } else {
            shown.doubts = shown.doubts.saturating_add(1);
        }
        if !insisted {
            let first = match &self.challenger {
                Some(before) if before.guidance == wanted => before.first,
                _ => now,
            };
            self.challenger = (shown.guidance != wanted).then_some(Challenger {
                guidance: wanted,
                first,
                last: now,
                standing: Standing::Asked,
            });
        }
        self.settle(now)
    }

    /// Lets the time pass.
    pub fn tick(&mut self, now: Moment) -> Option<Guidance> {
        self.settle(now)
    }

    /// Shows `guidance` as soon as what is shown now has had its time.
    pub fn insist(&mut self, guidance: Guidance, now: Moment) -> Option<Guidance> {
        let Some(shown) = &mut self.shown else { return Some(self.show(guidance, now)) };
        if shown.guidance == guidance {
            shown.supported = now;
            shown.doubts = 0;
            self.challenger = None;
            return None;
        }
        self.challenger =
            Some(Challenger { guidance, first: now, last: now, standing: Standing::Insisted });
        self.settle(now)
    }

    /// Shows `guidance` at once.
    pub fn announce(&mut self, guidance: Guidance, now: Moment) -> Option<Guidance> {
        self.challenger = None;
        let is_new = self.shown.as_ref().is_none_or(|shown| shown.guidance != guidance);
        is_new.then(|| self.show(guidance, now))
    }

    fn settle(&mut self, now: Moment) -> Option<Guidance> {
        let (shown, challenger) = (self.shown.as_ref()?, self.challenger.as_ref()?);
        let has_had_its_time = now.since(shown.since) >= MIN_SHOWN;
        if has_had_its_time && challenger.is_due(shown) {
            let next = challenger.guidance;
            Some(self.show(next, now))
        } else {
            None
        }
    }

    fn show(&mut self, guidance: Guidance, now: Moment) -> Guidance {
        self.shown = Some(Shown { guidance, since: now, supported: now, doubts: 0 });
        self.challenger = None;
        guidance
    }
}

impl Challenger {
    fn is_due(&self, shown: &Shown) -> bool {
        match self.standing {
            Standing::Insisted => true,
            Standing::Asked => {
                let persists = self.last.since(self.first) >= PERSISTENCE;
                let unsupported = self.last.since(shown.supported) >= UNSUPPORTED;
                shown.doubts >= MIN_DOUBTS && (persists || unsupported)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Reason;

    const CLOSER: Guidance = Guidance::Fix(Reason::MoveCloser);
    const LEFT: Guidance = Guidance::Fix(Reason::TurnLeft);
    const STILL: Guidance = Guidance::Fix(Reason::HoldStill);
    const CHANGED: Guidance = Guidance::Fix(Reason::FaceChanged);

    fn at(millis: u64) -> Moment {
        Moment::from_origin(Duration::from_millis(millis))
    }

    /// Advises one guidance every `interval` ms from `start` and gives the changes with their times.
    fn play(
        guide: &mut Guide,
        start: u64,
        interval: u64,
        wanted: &[Guidance],
    ) -> Vec<(u64, Guidance)> {
        let mut changes = Vec::new();
        for (i, guidance) in (0..).zip(wanted) {
            let now = start + i * interval;
            changes.extend(guide.advise(*guidance, at(now)).map(|change| (now, change)));
        }
        changes
    }

    #[test]
    fn the_first_instruction_shows_at_once() {
        assert_eq!(Guide::default().advise(CLOSER, at(0)), Some(CLOSER));
    }

    #[test]
    fn a_single_frame_changes_nothing() {
        let mut guide = Guide::default();
        let stay = Guidance::StayLikeThis;
        let wanted = [stay, stay, stay, stay, stay, stay, stay, stay, STILL, stay, stay];
        assert_eq!(play(&mut guide, 0, 100, &wanted), [(0, stay)]);
    }

    #[test]
    fn a_single_frame_of_a_slow_device_changes_nothing_either() {
        let mut guide = Guide::default();
        assert_eq!(play(&mut guide, 0, 1_000, &[CLOSER, LEFT, CLOSER]), [(0, CLOSER)]);
        assert_eq!(play(&mut guide, 3_000, 1_000, &[LEFT, LEFT]), [(4_000, LEFT)]);
    }

    #[test]
    fn a_new_reason_shows_when_it_persists_and_the_old_one_had_its_time() {
        let mut guide = Guide::default();
        let wanted = [CLOSER, LEFT, LEFT, LEFT, LEFT, LEFT, LEFT, LEFT, LEFT];
        assert_eq!(play(&mut guide, 0, 100, &wanted), [(0, CLOSER), (700, LEFT)]);
    }

    #[test]
    fn a_reason_that_persisted_shows_even_if_no_further_frame_comes() {
        let mut guide = Guide::default();
        play(&mut guide, 0, 100, &[CLOSER, LEFT, LEFT, LEFT]);
        assert_eq!(guide.tick(at(699)), None);
        assert_eq!(guide.tick(at(700)), Some(LEFT));
        assert_eq!(guide.tick(at(9_000)), None);
    }

    #[test]
    fn frames_that_disagree_among_themselves_do_not_freeze_an_outdated_instruction() {
        let mut guide = Guide::default();
        let wanted = [CLOSER, LEFT, STILL, LEFT, STILL, LEFT, STILL, LEFT, STILL, LEFT, STILL];
        let changes = play(&mut guide, 0, 100, &wanted);
        assert_eq!(changes, [(0, CLOSER), (700, LEFT)]);
    }

    #[test]
    fn a_restart_needs_one_frame_but_waits_for_its_turn() {
        let mut guide = Guide::default();
        let stay = Guidance::StayLikeThis;
        play(&mut guide, 0, 100, &[stay, stay]);
        assert_eq!(guide.insist(CHANGED, at(200)), None);
        assert_eq!(play(&mut guide, 300, 100, &[stay; 6]), [(700, CHANGED)]);
        assert_eq!(play(&mut guide, 900, 100, &[stay; 6]), [(1_400, stay)]);
    }

    #[test]
    fn the_end_and_a_dead_camera_show_at_once() {
        let mut guide = Guide::default();
        guide.advise(CLOSER, at(0));
        assert_eq!(guide.announce(Guidance::NoCamera, at(10)), Some(Guidance::NoCamera));
        assert_eq!(guide.announce(Guidance::NoCamera, at(20)), None);
        assert_eq!(guide.announce(Guidance::TimedOut, at(30)), Some(Guidance::TimedOut));
    }

    #[derive(Debug, Clone)]
    enum Input {
        Advise(Guidance),
        Insist(Guidance),
        Tick,
    }

    fn some_input() -> impl Strategy<Value = Input> {
        let guidance = || prop::sample::select(vec![CLOSER, LEFT, STILL, Guidance::StayLikeThis]);
        prop_oneof![
            6 => guidance().prop_map(Input::Advise),
            1 => guidance().prop_map(Input::Insist),
            2 => Just(Input::Tick),
        ]
    }

    proptest! {
        #[test]
        fn no_two_changes_are_closer_than_a_person_can_read(
            inputs in prop::collection::vec((0_u64..400, some_input()), 1..200),
        ) {
            let (mut guide, mut now) = (Guide::default(), 0);
            let mut last: Option<(u64, Guidance)> = None;
            for (pause, input) in inputs {
                now += pause;
                let change = match input {
                    Input::Advise(guidance) => guide.advise(guidance, at(now)),
                    Input::Insist(guidance) => guide.insist(guidance, at(now)),
                    Input::Tick => guide.tick(at(now)),
                };
                if let Some(guidance) = change {
                    if let Some((before, shown)) = last {
                        prop_assert!(now - before >= 700);
                        prop_assert_ne!(shown, guidance);
                    }
                    last = Some((now, guidance));
                }
            }
        }

        #[test]
        fn a_steady_wish_is_always_shown_within_a_second(
            noise in prop::collection::vec(some_input(), 0..50),
            interval in 33_u64..300,
        ) {
            let (mut guide, mut now) = (Guide::default(), 0);
            for input in noise {
                now += interval;
                match input {
                    Input::Advise(guidance) => guide.advise(guidance, at(now)),
                    Input::Insist(_) | Input::Tick => guide.tick(at(now)),
                };
            }
            let until = now + 1_000 + interval;
            while now < until {
                now += interval;
                guide.advise(CHANGED, at(now));
            }
            prop_assert_eq!(guide.shown.map(|shown| shown.guidance), Some(CHANGED));
        }
    }
}
