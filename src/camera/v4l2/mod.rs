//! STUB
use super::*;
use crate::domain::Size;
use std::time::Duration;
#[derive(Clone)]
pub struct Wish {
    pub size: Size,
    pub fps: f64,
    pub stall_timeout: Duration,
}
pub struct V4l2Source;
impl V4l2Source {
    pub fn open(_: &SourceSpec, _: &Wish, _: StopSignal) -> Result<Self, CameraError> {
        unimplemented!()
    }
}
impl FrameSource for V4l2Source {
    fn next(&mut self) -> Result<Frame, CameraError> {
        unimplemented!()
    }
    fn describe(&self) -> String {
        String::new()
    }
}
pub struct CameraListing;
pub struct Interval;
pub struct Mode;
pub struct PixelFormat;
pub fn list_cameras() {}
