//! Switches a camera's USB device off and on again, as pulling the plug would.
//!
//! The kernel's switch is the file `authorized` of the device in sysfs. It belongs to root: whoever wants the
//! agent to use it gives it to the agent's group. Without that right nothing happens, and the log says so.

use std::io;

use super::nodes::{self, Roots, usb_device};
use crate::camera::{CameraError, SourceSpec};

/// Resets the USB device of the camera that `spec` names now, and gives the camera's name.
///
/// # Errors
/// When the camera is away, is no USB device, or its switch may not be used.
pub fn reset_usb(spec: &SourceSpec) -> Result<String, CameraError> {
    reset_at(spec, &Roots::default())
}

fn reset_at(spec: &SourceSpec, roots: &Roots) -> Result<String, CameraError> {
    let nodes = nodes::candidates(spec, roots, &nodes::list(roots))?;
    let Some(node) = nodes.first() else {
        let found = "no USB camera".to_owned();
        return Err(CameraError::Absent { source_name: spec.to_string(), found });
    };
    let source_name = node.name();
    let device = usb_device(&roots.sysfs.join(format!("video{}", node.number)));
    let device = device.ok_or_else(|| io::Error::other("it is no USB device"));
    let switched = device.and_then(|device| {
        let switch = device.join("authorized");
        std::fs::write(&switch, "0")?;
        std::fs::write(&switch, "1")
    });
    match switched {
        Ok(()) => Ok(source_name),
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
            Err(CameraError::Denied { source_name })
        }
        Err(error) => Err(CameraError::Failing { source_name, source: error }),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn the_device_above_the_interface_is_switched_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots { sysfs: folder.path().join("sys"), dev: folder.path().join("dev") };
        let device = folder.path().join("usb1/1-1");
        let interface = device.join("1-1:1.0");
        fs::create_dir_all(&interface).unwrap();
        fs::create_dir_all(roots.sysfs.join("video3")).unwrap();
        fs::create_dir_all(&roots.dev).unwrap();
        for (file, text) in [("idVendor", "1d6b"), ("authorized", "1"), ("1-1:1.0/authorized", "x")]
        {
            fs::write(device.join(file), text).unwrap();
        }
        fs::write(roots.dev.join("video3"), b"").unwrap();
        symlink(&interface, roots.sysfs.join("video3/device")).unwrap();
        let name = reset_at(&SourceSpec::Index(3), &roots).unwrap();
        assert!(name.ends_with("video3"));
        assert_eq!(fs::read(device.join("authorized")).unwrap(), b"1");
        assert_eq!(fs::read(interface.join("authorized")).unwrap(), b"x");
    }

    #[test]
    fn a_camera_that_is_no_usb_device_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let roots = Roots { sysfs: folder.path().join("sys"), dev: folder.path().join("dev") };
        fs::create_dir_all(roots.sysfs.join("video0/device")).unwrap();
        fs::create_dir_all(&roots.dev).unwrap();
        fs::write(roots.dev.join("video0"), b"").unwrap();
        let error = reset_at(&SourceSpec::Index(0), &roots).unwrap_err();
        assert!(matches!(error, CameraError::Failing { .. }), "{error}");
    }
}
