//! Says what an error of the driver means for the camera.

use std::io;
use std::time::Duration;

use nix::errno::Errno;

use crate::camera::CameraError;

/// When the error happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// While the device was opened and set up.
    Opening,
    /// While frames were to come.
    Streaming,
}

/// Translates an error of the driver; `stall` is how long was waited for a frame.
pub(super) fn camera_error(
    error: io::Error,
    phase: Phase,
    source_name: &str,
    stall: Duration,
) -> CameraError {
    let source_name = source_name.to_owned();
    if error.kind() == io::ErrorKind::TimedOut {
        return CameraError::Stalled { source_name, waited: stall };
    }
    match (error.raw_os_error().map(Errno::from_raw), phase) {
        (Some(Errno::ENODEV | Errno::ENXIO | Errno::ENOENT), Phase::Opening) => {
            CameraError::Absent { source_name, found: "its device went away".to_owned() }
        }
        (Some(Errno::ENODEV | Errno::ENXIO), Phase::Streaming) => {
            CameraError::Unplugged { source_name }
        }
        (Some(Errno::EACCES | Errno::EPERM), _) => CameraError::Denied { source_name },
        (Some(Errno::EBUSY), _) => CameraError::Busy { source_name, held_by: Vec::new() },
        _ => CameraError::Failing { source_name, source: error },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn meaning(errno: Errno, phase: Phase) -> CameraError {
        let error = io::Error::from_raw_os_error(errno as i32);
        camera_error(error, phase, "cam", Duration::from_secs(2))
    }

    #[test]
    fn each_errno_gets_its_own_word() {
        use Phase::{Opening, Streaming};
        assert!(matches!(meaning(Errno::ENOENT, Opening), CameraError::Absent { .. }));
        assert!(matches!(meaning(Errno::ENODEV, Opening), CameraError::Absent { .. }));
        assert!(matches!(meaning(Errno::ENODEV, Streaming), CameraError::Unplugged { .. }));
        assert!(matches!(meaning(Errno::EACCES, Opening), CameraError::Denied { .. }));
        assert!(matches!(meaning(Errno::EBUSY, Streaming), CameraError::Busy { .. }));
        assert!(matches!(meaning(Errno::EIO, Opening), CameraError::Failing { .. }));
        assert!(matches!(meaning(Errno::EINVAL, Streaming), CameraError::Failing { .. }));
    }

    #[test]
    fn a_silent_camera_is_stalled() {
        let error = camera_error(
            io::ErrorKind::TimedOut.into(),
            Phase::Streaming,
            "cam",
            Duration::from_secs(2),
        );
        assert_eq!(error.to_string(), "camera cam sent nothing for 2s");
    }
}
