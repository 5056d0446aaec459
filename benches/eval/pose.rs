//! How far the pose is off, by how far the head is turned.

use std::fs;
use std::path::Path;

use kiosk_enroll::app::examiner::EyesLook;
use kiosk_enroll::domain::Moment;
use kiosk_enroll::vision::image::decode_bytes;

use crate::chart::{Curve, Panel};
use crate::crew::spread;
use crate::page::{Section, heading, row};
use crate::stats::{mean, quantile};

const AXES: [&str; 3] = ["yaw", "pitch", "roll"];
/// Ranges of the largest true angle, in degrees.
const RANGES: [(f64, f64); 4] = [(0.0, 5.0), (5.0, 15.0), (15.0, 25.0), (25.0, 40.0)];

struct Reading {
    truth: [f64; 3],
    read: Option<[f64; 3]>,
}

pub(crate) fn run(root: &Path) -> Section {
    let folder = root.join("tests/fixtures/derived");
    let table = fs::read_to_string(folder.join("truth.csv")).unwrap();
    let mut files: Vec<(String, [f64; 3])> = table
        .lines()
        .map(|line| line.split(',').collect::<Vec<_>>())
        .filter(|cells| cells[2] == "pose" && folder.join(cells[0]).exists())
        .map(|cells| (cells[0].to_owned(), [3, 4, 5].map(|i: usize| cells[i].parse().unwrap())))
        .collect();
    files.sort_by(|a, b| a.0.cmp(&b.0));
    files.dedup_by(|a, b| a.0 == b.0);
    let readings = spread("pose", files.len(), EyesLook::OnlyCandidates, |examiner, index| {
        let (file, truth) = &files[index];
        let picture = decode_bytes(&fs::read(folder.join(file)).unwrap()).unwrap();
        examiner.forget();
        let examined = examiner.examine_picture(picture, 0, Moment::default()).unwrap();
        let pose = examined.observation.face.map(|face| face.pose);
        let read = pose.map(|pose| [pose.yaw, pose.pitch, pose.roll].map(f64::from));
        Reading { truth: *truth, read }
    });
    Section {
        title: "Pose against truth",
        text: text(&readings),
        curves: Some(("evaluation-pose.svg", panels(&readings))),
    }
}

fn text(readings: &[Reading]) -> String {
    let mut text = "Rendered turns of both people, one axis at a time (`tests/fixtures`). Errors in degrees, mean / largest.\n\n".to_owned();
    text += &heading(&["turned by", "pictures", "found", "yaw", "pitch", "roll"]);
    for (from, to) in RANGES {
        let within = |reading: &&Reading| {
            let largest = reading.truth.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
            (largest >= from || from == 0.0)
                && if to == 40.0 { largest <= to } else { largest < to }
        };
        let these: Vec<&Reading> = readings.iter().filter(within).collect();
        let found = these.iter().filter(|reading| reading.read.is_some()).count();
        let errors = |axis: usize| {
            let error = |r: &&Reading| r.read.map(|read| (read[axis] - r.truth[axis]).abs());
            let errors: Vec<f64> = these.iter().filter_map(error).collect();
            format!("{:.1} / {:.1}", mean(&errors), quantile(&errors, 1.0))
        };
        let cells = [format!("{from}° to {to}°"), these.len().to_string(), found.to_string()];
        text += &row(&[&cells[..], &[errors(0), errors(1), errors(2)]].concat());
    }
    text
}

fn panels(readings: &[Reading]) -> Vec<Panel> {
    let panel = |axis: usize| {
        let others = |r: &&Reading| (0..3).all(|other| other == axis || r.truth[other] == 0.0);
        let mut points: Vec<(f64, f64)> = readings
            .iter()
            .filter(others)
            .filter_map(|r| r.read.map(|read| (r.truth[axis], (read[axis] - r.truth[axis]).abs())))
            .collect();
        points.sort_by(|a, b| a.0.total_cmp(&b.0));
        // Both people at the same angle make one point.
        let mut merged: Vec<(f64, f64)> = Vec::new();
        for chunk in points.chunk_by(|a, b| a.0 == b.0) {
            let errors: Vec<f64> = chunk.iter().map(|point| point.1).collect();
            merged.push((chunk[0].0, mean(&errors)));
        }
        Panel {
            title: format!("{}: mean error, degrees", AXES[axis]),
            x_label: "true angle, degrees".into(),
            curves: vec![Curve { name: String::new(), points: merged }],
            top: 12.0,
        }
    };
    (0..3).map(panel).collect()
}
