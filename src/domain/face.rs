//! What was found in one frame: faces with their landmarks, mesh, pose and eyes.

use super::{Point, Point3, Rect};

/// How many points the face mesh has.
pub const MESH_POINTS: usize = 468;

/// How many landmarks the detector gives.
pub const LANDMARK_COUNT: usize = 5;

/// Names one uninterrupted sight of one face.
///
/// A new number is given whenever the face was lost, jumped, or another face took its place: two frames
/// with the same track show the same person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrackId(pub u64);

/// The five points of a detection, in picture pixels; right and left are the person's own.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Landmarks {
    /// Centre of the person's right eye (the picture's left).
    pub right_eye: Point,
    /// Centre of the person's left eye.
    pub left_eye: Point,
    /// Tip of the nose.
    pub nose: Point,
    /// The person's right mouth corner.
    pub right_mouth: Point,
    /// The person's left mouth corner.
    pub left_mouth: Point,
}

impl Landmarks {
    /// The distance between the eye centres in pixels.
    pub fn inter_eye_distance(&self) -> f32 {
        self.right_eye.distance(self.left_eye)
    }
}

/// A face as the detector reports it: where, how sure, five points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Detection {
    /// Box around the face.
    pub bounds: Rect,
    /// The detector's confidence, 0 to 1.
    pub confidence: f32,
    /// The detector's five points: good for a region of interest, too coarse for a pose.
    pub landmarks: Landmarks,
}

/// The 468-point face mesh in picture coordinates.
#[derive(Clone, PartialEq)]
pub struct Mesh {
    /// Exactly [`MESH_POINTS`] points.
    pub points: Vec<Point3>,
    /// How surely the region holds a face, 0 to 1 (the net's face flag after its sigmoid).
    pub presence: f32,
}

impl std::fmt::Debug for Mesh {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Mesh({} points, presence {:.2})", self.points.len(), self.presence)
    }
}

/// Head rotation in degrees, signs as ISO/IEC 19794-5.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct HeadPose {
    /// Positive: the face looks to its own left (the picture's right).
    pub yaw: f32,
    /// Positive: the face looks down.
    pub pitch: f32,
    /// Positive: the head tilts toward its own right shoulder (counter-clockwise in the picture).
    pub roll: f32,
}

impl HeadPose {
    /// The pose relative to the horizontal, from what a camera sees that looks down by `tilt` degrees.
    ///
    /// Both are rotations Ry(yaw) Rx(pitch) Rz(roll); the tilt, an Rx of its own, is taken off the left. A plain
    /// subtraction would be wrong for a turned head: from above, its turn looks like a roll too.
    pub fn levelled(self, tilt: f32) -> Self {
        let [yaw, pitch, roll, tilt] =
            [self.yaw, self.pitch, self.roll, tilt].map(|it| f64::from(it).to_radians());
        let ((sin_yaw, cos_yaw), (sin_pitch, cos_pitch)) = (yaw.sin_cos(), pitch.sin_cos());
        let ((sin_roll, cos_roll), (sin_tilt, cos_tilt)) = (roll.sin_cos(), tilt.sin_cos());
        let right_z = sin_yaw * cos_pitch;
        let up = [cos_pitch * sin_roll, cos_pitch * cos_roll, -sin_pitch];
        let front = [
            cos_yaw * sin_pitch * sin_roll - sin_yaw * cos_roll,
            cos_yaw * sin_pitch * cos_roll + sin_yaw * sin_roll,
            cos_yaw * cos_pitch,
        ];
        let level_up = |column: usize| cos_tilt * up[column] + sin_tilt * front[column];
        let level_front = cos_tilt * front[2] - sin_tilt * up[2];
        Self {
            yaw: right_z.atan2(level_front).to_degrees() as f32,
            pitch: (-level_up(2)).clamp(-1.0, 1.0).asin().to_degrees() as f32,
            roll: level_up(0).atan2(level_up(1)).to_degrees() as f32,
        }
    }
}

/// One eye as the iris net sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Eye {
    /// Lid opening over eye width: about 0.31 to 0.43 open, below 0.21 closed.
    pub opening: f32,
    /// Centre of the iris in picture pixels.
    pub iris: Point,
}

/// Both eyes of a face; right and left are the person's own.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Eyes {
    /// The person's right eye.
    pub right: Eye,
    /// The person's left eye.
    pub left: Eye,
}

/// One face of one frame with everything that was found out about it.
#[derive(Debug, Clone, PartialEq)]
pub struct Face {
    /// The uninterrupted sight this face belongs to.
    pub track: TrackId,
    /// Box around the face (of the mesh, where there is one).
    pub bounds: Rect,
    /// How surely it is a face, 0 to 1: the detector's confidence, or the mesh's presence while tracking.
    pub confidence: f32,
    /// Five points, taken from the mesh.
    pub landmarks: Landmarks,
    /// The face mesh.
    pub mesh: Mesh,
    /// Head rotation from the rigid fit of the mesh to the canonical face.
    pub pose: HeadPose,
}

/// What was seen in one frame.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observation {
    /// The face that is followed: the largest one when nothing was followed before.
    pub face: Option<Face>,
    /// The other faces, largest first. While a face is followed the detector looks for others only now and
    /// then; between its looks the last finding stands.
    pub others: Vec<Detection>,
    /// Whether the whole picture was searched, and the followed face was among what was found.
    pub searched: bool,
}

impl Observation {
    /// How many faces were seen.
    pub fn count(&self) -> usize {
        usize::from(self.face.is_some()) + self.others.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(found: HeadPose, wanted: [f32; 3]) -> bool {
        let found = [found.yaw, found.pitch, found.roll];
        found.iter().zip(wanted).all(|(a, b)| (a - b).abs() < 0.05)
    }

    #[test]
    fn a_level_face_under_a_camera_that_looks_down_is_level() {
        let seen = |yaw, pitch, roll| HeadPose { yaw, pitch, roll };
        assert!(close(seen(0.0, 12.0, 0.0).levelled(12.0), [0.0, 0.0, 0.0]));
        assert!(close(seen(0.0, -8.0, 3.0).levelled(-8.0), [0.0, 0.0, 3.0]));
        assert!(close(seen(0.0, 20.0, 0.0).levelled(12.0), [0.0, 8.0, 0.0]));
        let any = seen(-17.0, 9.0, 24.0);
        assert!(close(any.levelled(0.0), [any.yaw, any.pitch, any.roll]));
    }

    #[test]
    fn a_turned_head_is_seen_rolled_from_above_and_told_upright() {
        // Rx(15) Ry(20) read as Ry Rx Rz: what a camera 15 degrees above sees of a head turned by 20.
        let seen = HeadPose { yaw: 20.642, pitch: 14.077, roll: 5.231 };
        assert!(close(seen.levelled(15.0), [20.0, 0.0, 0.0]), "{:?}", seen.levelled(15.0));
    }
}
