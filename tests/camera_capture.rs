//! Does the capture thread keep the newest frame and bring a lost camera back?
#![allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use kiosk_enroll::camera::{
    CameraError, CameraState, Capture, Empty, Factory, FrameSource, StopSignal, Waited,
};
use kiosk_enroll::domain::{Encoding, Frame, Moment};

const LONG: Duration = Duration::from_secs(60);

/// What a scripted camera does next.
enum Act {
    Send,
    Fail(fn() -> CameraError),
    Panic,
    /// Waits until the thread is asked to stop.
    Hang,
}

struct Scripted {
    acts: VecDeque<Act>,
    stop: StopSignal,
    sequence: u64,
    panics_when_dropped: bool,
}

impl FrameSource for Scripted {
    fn next(&mut self) -> Result<Frame, CameraError> {
        match self.acts.pop_front() {
            Some(Act::Send) => {
                self.sequence += 1;
                Ok(Frame {
                    sequence: self.sequence,
                    captured: Moment::default(),
                    encoding: Encoding::Jpeg,
                    bytes: vec![0xFF, 0xD8, 0xFF, 0xD9],
                    path: None,
                })
            }
            Some(Act::Fail(error)) => Err(error()),
            Some(Act::Panic) => panic!("as a driver's crate may"),
            Some(Act::Hang) => match self.stop.wait(LONG) {
                Waited::Stopped => Err(ended()),
                Waited::ToTheEnd => Err(stalled()),
            },
            None => Err(ended()),
        }
    }

    fn describe(&self) -> String {
        "scripted".to_owned()
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        assert!(!self.panics_when_dropped, "as v4l's stream may");
    }
}

fn unplugged() -> CameraError {
    CameraError::Unplugged { source_name: "scripted".into() }
}

fn stalled() -> CameraError {
    CameraError::Stalled { source_name: "scripted".into(), waited: LONG }
}

fn busy() -> CameraError {
    CameraError::Busy { source_name: "scripted".into(), held_by: Vec::new() }
}

fn ended() -> CameraError {
    CameraError::Ended { source_name: "scripted".into() }
}

/// What becomes of one opening: a stream that follows a script, or an error.
type Opening = Result<Vec<Act>, fn() -> CameraError>;

/// Starts a capture whose openings follow a script each; the receiver hears of each state.
fn start(openings: Vec<Opening>) -> (Capture, Receiver<CameraState>) {
    let mut openings = VecDeque::from(openings);
    let factory: Factory = Box::new(move |stop| match openings.pop_front() {
        Some(Ok(acts)) => {
            let (acts, stop) = (acts.into(), stop.clone());
            let panics_when_dropped = openings.len() == 1;
            Ok(Box::new(Scripted { acts, stop, sequence: 0, panics_when_dropped }))
        }
        Some(Err(error)) => Err(error()),
        None => Err(ended()),
    });
    let (sender, states) = channel();
    let watch = move |status: &kiosk_enroll::camera::CameraStatus| {
        let _ = sender.send(status.state);
    };
    (Capture::start(factory, watch).unwrap(), states)
}

fn all(states: &Receiver<CameraState>) -> Vec<CameraState> {
    std::iter::from_fn(|| states.recv_timeout(LONG).ok())
        .take_while(|state| *state != CameraState::Ended)
        .collect()
}

#[test]
fn a_camera_that_was_unplugged_streams_again_when_it_is_back() {
    use CameraState::{Absent, Opening, Streaming};
    let (capture, states) = start(vec![
        Ok(vec![Act::Send, Act::Fail(unplugged)]),
        Ok(vec![Act::Send]),
        Err(ended),
        Err(ended),
    ]);
    assert_eq!(all(&states), [Opening, Streaming, Absent, Streaming]);
    capture.stop();
}

#[test]
fn each_fault_has_its_state_and_one_that_lasts_is_told_once() {
    use CameraState::{Busy, Opening, Stalled};
    let (capture, states) = start(vec![Err(busy), Err(busy), Err(stalled), Err(ended)]);
    assert_eq!(all(&states), [Opening, Busy, Stalled]);
    capture.stop();
}

#[test]
fn the_cause_that_is_told_is_the_present_one() {
    let mut left = 4;
    let factory: Factory = Box::new(move |_| {
        left -= 1;
        Err(match left {
            3 | 2 => CameraError::Absent { source_name: "cam".into(), found: "no node".into() },
            1 => CameraError::Absent { source_name: "cam".into(), found: "another one".into() },
            _ => ended(),
        })
    });
    let (sender, details) = channel();
    let capture = Capture::start(factory, move |status: &kiosk_enroll::camera::CameraStatus| {
        let _ = sender.send((status.state, status.detail.clone()));
    })
    .unwrap();
    assert_eq!(capture.frames().take(LONG), Err(Empty::Closed));
    capture.stop();
    let absent: Vec<_> =
        details.iter().filter(|told| told.0 == CameraState::Absent).map(|told| told.1).collect();
    let said = |found| format!("camera cam is not there: {found}");
    assert_eq!(absent, [said("no node"), said("another one")]);
}

#[test]
fn a_camera_that_keeps_silent_has_its_port_reset() {
    let mut left = 4;
    let factory: Factory = Box::new(move |_| {
        left -= 1;
        Err(if left > 0 { stalled() } else { ended() })
    });
    let (sender, resets) = channel();
    let reset = Box::new(move || {
        let _ = sender.send(());
    });
    let capture = Capture::start_with_reset(factory, reset, |_| {}).unwrap();
    assert_eq!(capture.frames().take(LONG), Err(Empty::Closed));
    assert_eq!(resets.try_iter().count(), 1);
    assert!(!capture.has_given_up());
    capture.stop();
}

#[test]
fn a_panic_in_the_driver_even_while_dropping_stops_nothing() {
    use CameraState::{Failing, Opening, Streaming};
    let (capture, states) = start(vec![
        Ok(vec![Act::Send, Act::Panic]),
        Ok(vec![Act::Send, Act::Fail(stalled)]),
        Err(ended),
    ]);
    assert_eq!(all(&states), [Opening, Streaming, Failing, Streaming, Failing]);
    capture.stop();
}

#[test]
fn the_newest_frame_waits_and_the_end_is_told_to_the_consumer() {
    let (capture, states) =
        start(vec![Ok(vec![Act::Send, Act::Send, Act::Send]), Err(ended), Err(ended)]);
    all(&states);
    let frames = capture.frames();
    assert_eq!(frames.take(LONG).unwrap().sequence, 3);
    assert_eq!(frames.take(LONG), Err(Empty::Closed));
    assert_eq!(frames.dropped(), 2);
}

#[test]
fn a_stop_reaches_a_source_that_waits() {
    let (capture, states) = start(vec![Ok(vec![Act::Send, Act::Hang]), Err(ended), Err(ended)]);
    assert_eq!(states.recv(), Ok(CameraState::Opening));
    assert_eq!(states.recv(), Ok(CameraState::Streaming));
    assert!(capture.last_beat() > Moment::default());
    capture.stop();
    assert_eq!(states.recv(), Ok(CameraState::Ended));
}
