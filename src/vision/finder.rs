//! The face finder that runs the embedded nets.

use crate::domain::{Detection, Eye, Face, Mesh, Moment, Observation, Rect};

use super::crop::Region;
use super::detector::{Detail, Detector};
use super::iris::IrisReader;
use super::likeness::Likeness;
use super::mesh::{self, MeshFinder};
use super::pose::head_pose;
use super::track::{Look, Sight, Track};
use super::{FaceFinder, Picture, Side, VisionError};

/// Of all detections in a picture so many, the largest, are looked at closely; it bounds the time.
const MOST_LOOKED_AT: usize = 4;

/// So much of the square around a face is looked at, in sides of the face: its looks are compared in a square
/// just around it, and measures blur a little beyond the oval.
const LOOKED_AT: f32 = 1.2;

/// Finds faces with YuNet, follows one by its MediaPipe mesh, and reads its eyes with the iris net.
///
/// A detection counts as a face, of whatever size, only if the mesh agrees: the detector alone also finds
/// faces in patterns. Each net runs in the calling thread.
pub struct NetFaceFinder {
    detector: Detector,
    meshes: MeshFinder,
    irises: IrisReader,
    track: Track,
    /// What the last search found besides the followed face.
    others: Vec<Detection>,
}

impl std::fmt::Debug for NetFaceFinder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NetFaceFinder").field("track", &self.track).finish_non_exhaustive()
    }
}

impl NetFaceFinder {
    /// Loads and optimises the nets; takes a fraction of a second on a desktop, seconds on a small board.
    ///
    /// # Errors
    /// [`VisionError::Net`] when one cannot be loaded.
    pub fn load() -> Result<Self, VisionError> {
        Ok(Self {
            detector: Detector::load()?,
            meshes: MeshFinder::load()?,
            irises: IrisReader::load()?,
            track: Track::default(),
            others: Vec::new(),
        })
    }

    /// Searches the whole picture for a face to follow.
    fn search(
        &mut self,
        picture: &Picture,
        now: Moment,
        detail: Detail,
    ) -> Result<Observation, VisionError> {
        let mut detections = self.detector.detect(picture, detail)?;
        if detail == Detail::Coarse && !detections.is_empty() {
            // Somebody came: from here on every face counts, and its place should be exact.
            detections = self.detector.detect(picture, Detail::Fine)?;
        }
        let mut face = None;
        self.others.clear();
        for detection in detections.iter().take(MOST_LOOKED_AT) {
            let Some(mesh) = self.meshes.fit_detection(picture, detection)? else { continue };
            if face.is_none() {
                face = self.face(picture, now, mesh, detection.confidence);
            } else {
                self.others.push(*detection);
            }
        }
        if face.is_none() {
            self.track.nobody(now);
        }
        let searched = face.is_some();
        Ok(Observation { face, others: self.others.clone(), searched })
    }

    /// Looks for the followed face where it was; gives `None` if it is not there. Changes nothing where the picture
    /// does not show enough.
    fn follow(
        &mut self,
        picture: &Picture,
        now: Moment,
        region: Region,
    ) -> Result<Option<Face>, VisionError> {
        let mesh = self.meshes.fit(picture, region)?;
        if mesh.presence <= mesh::LEAST_PRESENCE {
            return Ok(None);
        }
        let around = mesh::region_of_mesh(&mesh);
        let looked_at = Region { side: around.side * LOOKED_AT / mesh::MARGIN, ..around };
        if !picture.shows(looked_at.bounds()) {
            return Err(VisionError::NotShown);
        }
        let confidence = mesh.presence;
        Ok(self.face(picture, now, mesh, confidence))
    }

    /// Searches the whole picture for faces besides the followed one, whose box is given; gives whether that one
    /// was found too.
    fn look_around(
        &mut self,
        picture: &Picture,
        now: Moment,
        followed: Rect,
    ) -> Result<bool, VisionError> {
        let found = self.detector.detect(picture, Detail::Fine)?;
        let (own, others): (Vec<Detection>, Vec<Detection>) =
            found.into_iter().partition(|d| is_same_place(d.bounds, followed));
        self.track.searched(now, !own.is_empty());
        self.others.clear();
        for detection in others.into_iter().take(MOST_LOOKED_AT) {
            let region = mesh::region_of_detection(&detection);
            if self.meshes.fit(picture, region)?.presence > mesh::LEAST_PRESENCE {
                self.others.push(detection);
            }
        }
        Ok(!own.is_empty())
    }

    /// Completes a mesh to a face and gives it its track; `None` if the mesh has no pose.
    fn face(
        &mut self,
        picture: &Picture,
        now: Moment,
        mesh: Mesh,
        confidence: f32,
    ) -> Option<Face> {
        let pose = head_pose(&mesh.points)?;
        let bounds = mesh::bounds(&mesh);
        let sight = Sight {
            bounds,
            region: mesh::region_of_mesh(&mesh),
            likeness: Likeness::of(picture, &mesh),
        };
        let track = self.track.found(sight, now);
        Some(Face { track, bounds, confidence, landmarks: mesh::landmarks(&mesh), pose, mesh })
    }
}

impl FaceFinder for NetFaceFinder {
    fn expects(&self, now: Moment) -> Option<Rect> {
        match self.track.plan(now) {
            Look::Follow(region) => Some(region.bounds()),
            Look::Search(_) | Look::FollowAndSearch(_) => None,
        }
    }

    fn observe(&mut self, picture: &Picture, captured: Moment) -> Result<Observation, VisionError> {
        let whole = picture.is_whole();
        let (region, search_too) = match self.track.plan(captured) {
            Look::Follow(region) => (region, false),
            _ if !whole => return Err(VisionError::NotShown),
            Look::Search(detail) => return self.search(picture, captured, detail),
            Look::FollowAndSearch(region) => (region, true),
        };
        if !picture.shows(region.bounds()) {
            return Err(VisionError::NotShown);
        }
        let Some(face) = self.follow(picture, captured, region)? else {
            if !whole {
                return Err(VisionError::NotShown);
            }
            self.track.lost();
            return self.search(picture, captured, Detail::Fine);
        };
        let searched = search_too && self.look_around(picture, captured, face.bounds)?;
        Ok(Observation { face: Some(face), others: self.others.clone(), searched })
    }

    fn eye(&mut self, picture: &Picture, face: &Face, side: Side) -> Result<Eye, VisionError> {
        self.irises.read(picture, &face.mesh, side)
    }

    fn forget(&mut self) {
        self.track.forget();
        self.others.clear();
    }
}

/// Whether two boxes are around the same face: the middle of each lies within the other.
fn is_same_place(a: Rect, b: Rect) -> bool {
    let within = |inner: Rect, outer: Rect| {
        let from_middle_x = (inner.center().x - outer.center().x).abs();
        let from_middle_y = (inner.center().y - outer.center().y).abs();
        from_middle_x < outer.width / 2.0 && from_middle_y < outer.height / 2.0
    };
    within(a, b) && within(b, a)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detection_and_the_mesh_inside_it_are_one_face_and_a_neighbour_is_another() {
        let detection = Rect::new(100.0, 100.0, 100.0, 130.0);
        let mesh = Rect::new(110.0, 125.0, 80.0, 100.0);
        assert!(is_same_place(detection, mesh) && is_same_place(mesh, detection));
        assert!(!is_same_place(Rect::new(205.0, 100.0, 100.0, 130.0), mesh));
        let in_front = Rect::new(0.0, 0.0, 400.0, 500.0);
        assert!(!is_same_place(in_front, Rect::new(350.0, 10.0, 40.0, 50.0)));
    }
}
