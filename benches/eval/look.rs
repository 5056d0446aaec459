//! One clip frame by frame: what was done to it, what was found, what was chosen.

use std::fs;
use std::path::Path;

use kiosk_enroll::app::examiner::{Examined, EyesLook};
use kiosk_enroll::domain::Frame;

use crate::choice::play;
use crate::crew::examiner;
use crate::sitter::Sitter;
use crate::walk::Shot;

/// Prints a table of the clip's frames and writes them into a folder of `within`.
pub(crate) fn look(within: &Path, sitters: &[Sitter], clip: usize) {
    let folder = within.join(format!("clip-{clip}"));
    fs::create_dir_all(&folder).unwrap();
    println!("frame person second   yaw pitch  worth fair track others score reasons");
    let mut show = |shot: &Shot, frame: &Frame, examined: &Examined| {
        let file = folder.join(format!("{:03}.jpg", frame.sequence));
        fs::write(file, &frame.bytes).unwrap();
        println!("{}", row(sitters, shot, frame, examined));
    };
    let visit = play(&mut examiner(EyesLook::OnlyCandidates), sitters, clip, &mut show);
    println!("chosen: {:?}; frames in {}", visit.chosen, folder.display());
}

fn row(sitters: &[Sitter], shot: &Shot, frame: &Frame, examined: &Examined) -> String {
    let second = shot.second.map(|(who, stance)| format!("{who}@{:.2}", stance.scale));
    let judged = &examined.judged;
    format!(
        "{:5} {:>6} {:>6} {:5.1} {:5.1} {:6.3} {:>4} {:>5} {:>6} {:5.3} {:?}",
        frame.sequence,
        shot.who,
        second.unwrap_or_else(|| "-".into()),
        shot.stance.yaw,
        shot.stance.pitch,
        shot.worth(sitters),
        if shot.is_fair(sitters) { "yes" } else { "no" },
        judged.track.map_or_else(|| "-".into(), |track| track.0.to_string()),
        examined.observation.others.len(),
        judged.score,
        judged.reasons,
    )
}
