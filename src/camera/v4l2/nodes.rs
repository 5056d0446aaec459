//! Finds video devices by the names that stay: node numbers move after a replug, links do not.
//!
//! A camera has several nodes: the one with sysfs index 0 gives pictures, the others metadata or a second
//! stream. Platform devices (the Pi's ribbon camera, its codecs) have nodes too and are no USB cameras.

use std::path::{Path, PathBuf};

use crate::camera::{CameraError, SourceSpec};

/// Drivers whose devices are no USB camera, by a part of their name.
const PLATFORM: [&str; 10] = [
    "unicam", "rp1-cfe", "bm2835", "bcm2835", "bcm2711", "pisp", "rpivid", "hevc", "codec", "vim2m",
];

/// Drivers of the ribbon camera, by a part of their name.
const RIBBON: [&str; 5] = ["unicam", "rp1-cfe", "bm2835", "bcm2835-v4l2", "bcm2835-camera"];

/// The folders below `/dev/v4l` with names that stay, the better kind first.
const LINKS: [&str; 2] = ["by-id", "by-path"];

/// Where the system lists its devices.
#[derive(Debug, Clone)]
pub(super) struct Roots {
    pub(super) sysfs: PathBuf,
    pub(super) dev: PathBuf,
}

impl Default for Roots {
    fn default() -> Self {
        Self { sysfs: PathBuf::from("/sys/class/video4linux"), dev: PathBuf::from("/dev") }
    }
}

/// One video node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Node {
    /// The `N` of `/dev/videoN`.
    pub(super) number: u32,
    /// The device file.
    pub(super) path: PathBuf,
    /// The names that stay after a replug, as far as udev made some; by-id before by-path.
    pub(super) links: Vec<PathBuf>,
    /// The serial number of its USB device, if that has one.
    pub(super) serial: Option<String>,
    /// Which of its device's nodes it is; 0 gives the pictures.
    pub(super) index: u32,
    /// What the device calls itself.
    pub(super) card: String,
    /// The kernel driver, empty where sysfs does not tell.
    pub(super) driver: String,
}

impl Node {
    /// The name to show and to put into the configuration.
    pub(super) fn name(&self) -> String {
        self.links.first().unwrap_or(&self.path).display().to_string()
    }

    /// The other texts that name this camera in the configuration for good.
    pub(super) fn other_names(&self) -> Vec<String> {
        let links = self.links.iter().skip(1).map(|link| link.display().to_string());
        links.chain(self.serial.iter().map(|serial| format!("serial:{serial}"))).collect()
    }

    fn is_platform(&self) -> bool {
        is_one_of(&self.driver, &PLATFORM)
    }
}

/// Whether this driver serves a ribbon camera, which needs libcamera.
pub(super) fn is_ribbon(driver: &str) -> bool {
    is_one_of(driver, &RIBBON)
}

fn is_one_of(driver: &str, parts: &[&str]) -> bool {
    let driver = driver.to_lowercase();
    parts.iter().any(|part| driver.contains(part))
}

/// Lists every video node in the order of their numbers.
pub(super) fn list(roots: &Roots) -> Vec<Node> {
    let entries = std::fs::read_dir(&roots.sysfs).into_iter().flatten().filter_map(Result::ok);
    let mut nodes: Vec<Node> = entries.filter_map(|entry| node(roots, &entry.path())).collect();
    nodes.sort_by_key(|node| node.number);
    nodes
}

fn node(roots: &Roots, sysfs: &Path) -> Option<Node> {
    let number = sysfs.file_name()?.to_str()?.strip_prefix("video")?.parse().ok()?;
    let text = |name: &str| std::fs::read_to_string(sysfs.join(name)).unwrap_or_default();
    let driver = std::fs::read_link(sysfs.join("device/driver")).unwrap_or_default();
    let path = roots.dev.join(format!("video{number}"));
    Some(Node {
        number,
        links: links(roots, &path),
        serial: usb_device(sysfs).and_then(|usb| serial(&usb)),
        path,
        index: text("index").trim().parse().unwrap_or(0),
        card: text("name").trim().to_owned(),
        driver: driver.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    })
}

/// The links of udev that lead to a node, by-id before by-path.
fn links(roots: &Roots, path: &Path) -> Vec<PathBuf> {
    let Ok(wanted) = std::fs::canonicalize(path) else { return Vec::new() };
    let leads = |link: &PathBuf| std::fs::canonicalize(link).is_ok_and(|to| to == wanted);
    let of = |kind: &&str| {
        let found = std::fs::read_dir(roots.dev.join("v4l").join(kind)).into_iter().flatten();
        let found = found.filter_map(Result::ok).map(|entry| entry.path());
        let mut found: Vec<PathBuf> = found.filter(leads).collect();
        found.sort();
        found
    };
    LINKS.iter().flat_map(of).collect()
}

/// The USB device behind a node of sysfs.
pub(super) fn usb_device(node: &Path) -> Option<PathBuf> {
    let interface = std::fs::canonicalize(node.join("device")).ok()?;
    // Interfaces have a switch too, but only devices a vendor.
    let device = interface.ancestors().find(|folder| folder.join("idVendor").exists());
    device.map(Path::to_owned)
}

fn serial(usb: &Path) -> Option<String> {
    let text = std::fs::read_to_string(usb.join("serial")).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// The nodes to try for a source, in order: one for a named device, every USB camera for `auto`.
pub(super) fn candidates(
    spec: &SourceSpec,
    roots: &Roots,
    nodes: &[Node],
) -> Result<Vec<Node>, CameraError> {
    let path = match spec {
        SourceSpec::Auto => return automatic(nodes),
        SourceSpec::Index(index) => roots.dev.join(format!("video{index}")),
        SourceSpec::Path(path) => path.clone(),
        SourceSpec::Name(name) => named(roots, name),
        SourceSpec::Serial(serial) => return with_serial(serial, nodes),
        SourceSpec::Frames(frames) => {
            let what = "a folder of pictures is no device".to_owned();
            let source_name = frames.dir.display().to_string();
            return Err(CameraError::Source { source_name, what });
        }
    };
    let Ok(target) = std::fs::canonicalize(&path) else {
        return Err(CameraError::Absent { source_name: spec.to_string(), found: inventory(nodes) });
    };
    let known = nodes
        .iter()
        .find(|node| std::fs::canonicalize(&node.path).is_ok_and(|path| path == target));
    // A device that sysfs does not list may still be one: opening it will tell.
    Ok(vec![known.cloned().unwrap_or(Node {
        number: 0,
        path: target,
        links: Vec::new(),
        serial: None,
        index: 0,
        card: String::new(),
        driver: String::new(),
    })])
}

/// The link of this name; where there is none, the path under which it would be.
fn named(roots: &Roots, name: &str) -> PathBuf {
    let mut paths = LINKS.map(|kind| roots.dev.join("v4l").join(kind).join(name)).into_iter();
    let first = paths.next().unwrap_or_default();
    if first.exists() { first } else { paths.find(|path| path.exists()).unwrap_or(first) }
}

fn with_serial(serial: &str, nodes: &[Node]) -> Result<Vec<Node>, CameraError> {
    let is_meant = |node: &&Node| node.index == 0 && node.serial.as_deref() == Some(serial);
    let found: Vec<Node> = nodes.iter().filter(is_meant).cloned().collect();
    let source_name = format!("serial:{serial}");
    match found.as_slice() {
        [] => Err(CameraError::Absent { source_name, found: inventory(nodes) }),
        [_] => Ok(found),
        several => {
            let places: Vec<String> =
                several.iter().map(|node| node.path.display().to_string()).collect();
            let what = format!(
                "{} have the same serial number; name one by its place in /dev/v4l/by-path",
                places.join(" and ")
            );
            Err(CameraError::Unusable { source_name, what })
        }
    }
}

fn automatic(nodes: &[Node]) -> Result<Vec<Node>, CameraError> {
    let cameras: Vec<Node> =
        nodes.iter().filter(|node| node.index == 0 && !node.is_platform()).cloned().collect();
    if !cameras.is_empty() {
        return Ok(cameras);
    }
    let source_name = "auto".to_owned();
    if nodes.iter().any(|node| is_ribbon(&node.driver)) {
        return Err(ribbon(source_name));
    }
    Err(CameraError::Absent { source_name, found: inventory(nodes) })
}

/// The refusal of a ribbon camera.
pub(super) fn ribbon(source_name: String) -> CameraError {
    let what = "it is a ribbon (CSI) camera, which V4L2 alone cannot drive; use a USB camera";
    CameraError::Unusable { source_name, what: what.to_owned() }
}

fn inventory(nodes: &[Node]) -> String {
    let cameras: Vec<String> = nodes
        .iter()
        .filter(|node| node.index == 0 && !node.is_platform())
        .map(|node| format!("{} ({})", node.name(), node.card))
        .collect();
    if cameras.is_empty() { "no USB camera".to_owned() } else { cameras.join(", ") }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    /// A machine's devices in a temporary folder.
    struct Machine {
        folder: tempfile::TempDir,
        roots: Roots,
    }

    impl Machine {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let roots = Roots { sysfs: folder.path().join("sys"), dev: folder.path().join("dev") };
            std::fs::create_dir_all(&roots.sysfs).unwrap();
            for kind in LINKS {
                std::fs::create_dir_all(roots.dev.join("v4l").join(kind)).unwrap();
            }
            Self { folder, roots }
        }

        fn plug(&self, number: u32, index: u32, driver: &str, link: Option<&str>) {
            let sysfs = self.roots.sysfs.join(format!("video{number}"));
            std::fs::create_dir_all(sysfs.join("device")).unwrap();
            std::fs::write(sysfs.join("index"), format!("{index}\n")).unwrap();
            std::fs::write(sysfs.join("name"), format!("Cam {number}\n")).unwrap();
            let drivers = self.folder.path().join(driver);
            symlink(drivers, sysfs.join("device/driver")).unwrap();
            let node = self.roots.dev.join(format!("video{number}"));
            std::fs::write(&node, b"").unwrap();
            if let Some(link) = link {
                symlink(node, self.roots.dev.join("v4l/by-id").join(link)).unwrap();
            }
        }

        /// Gives a camera its place on the USB and a serial number.
        fn at_usb(&self, number: u32, place: &str, serial: &str) {
            let usb = self.folder.path().join("usb").join(place);
            std::fs::create_dir_all(&usb).unwrap();
            std::fs::write(usb.join("idVendor"), "1d6b\n").unwrap();
            std::fs::write(usb.join("serial"), format!("{serial}\n")).unwrap();
            let sysfs = self.roots.sysfs.join(format!("video{number}"));
            std::fs::remove_dir_all(sysfs.join("device")).unwrap();
            symlink(usb, sysfs.join("device")).unwrap();
            let node = self.roots.dev.join(format!("video{number}"));
            symlink(node, self.roots.dev.join("v4l/by-path").join(place)).unwrap();
        }

        fn resolve(&self, text: &str) -> Result<Vec<u32>, CameraError> {
            let spec = SourceSpec::parse(text).unwrap();
            let found = candidates(&spec, &self.roots, &list(&self.roots))?;
            Ok(found.into_iter().map(|node| node.number).collect())
        }
    }

    #[test]
    fn auto_takes_real_cameras_only() {
        let machine = Machine::new();
        machine.plug(10, 0, "bcm2835-codec", None);
        machine.plug(1, 1, "uvcvideo", None);
        machine.plug(4, 0, "uvcvideo", Some("usb-Acme-video-index0"));
        machine.plug(0, 0, "uvcvideo", None);
        assert_eq!(machine.resolve("auto").unwrap(), [0, 4]);
    }

    #[test]
    fn a_name_leads_to_its_node_wherever_that_moved() {
        let machine = Machine::new();
        machine.plug(2, 0, "uvcvideo", Some("usb-Acme-video-index0"));
        assert_eq!(machine.resolve("usb-Acme-video-index0").unwrap(), [2]);
        assert_eq!(machine.resolve("2").unwrap(), [2]);
        let node = list(&machine.roots).remove(0);
        assert!(node.name().ends_with("/v4l/by-id/usb-Acme-video-index0"));
        assert_eq!((node.card.as_str(), node.driver.as_str()), ("Cam 2", "uvcvideo"));
    }

    #[test]
    fn a_serial_number_names_a_camera_and_a_place_tells_two_of_the_same_number_apart() {
        let machine = Machine::new();
        machine.plug(0, 0, "uvcvideo", Some("usb-Acme-video-index0"));
        machine.plug(1, 1, "uvcvideo", None);
        machine.at_usb(0, "pci-usb-0:1", "0042");
        machine.at_usb(1, "pci-usb-0:1-index1", "0042");
        assert_eq!(machine.resolve("serial:0042").unwrap(), [0], "the other is a metadata node");
        let names = list(&machine.roots)[0].other_names();
        assert!(names[0].ends_with("/v4l/by-path/pci-usb-0:1") && names[1] == "serial:0042");
        machine.plug(2, 0, "uvcvideo", None);
        machine.at_usb(2, "pci-usb-0_2", "0042");
        let error = machine.resolve("serial:0042").unwrap_err();
        assert!(error.to_string().contains("by-path"), "{error}");
        assert_eq!(machine.resolve("pci-usb-0_2").unwrap(), [2]);
        assert!(matches!(machine.resolve("serial:7"), Err(CameraError::Absent { .. })));
    }

    #[test]
    fn a_camera_that_is_away_is_absent_and_the_others_are_named() {
        let machine = Machine::new();
        machine.plug(3, 0, "uvcvideo", None);
        let error = machine.resolve("usb-Other-video-index0").unwrap_err();
        assert!(matches!(error, CameraError::Absent { .. }));
        assert!(error.to_string().contains("Cam 3"), "{error}");
    }

    #[test]
    fn a_machine_without_a_camera_or_with_a_ribbon_camera_says_so() {
        let machine = Machine::new();
        assert!(matches!(machine.resolve("auto"), Err(CameraError::Absent { .. })));
        for driver in ["bcm2835-unicam", "unicam", "rp1-cfe", "bm2835 mmal"] {
            let machine = Machine::new();
            machine.plug(0, 0, driver, None);
            let error = machine.resolve("auto").unwrap_err();
            assert!(error.to_string().contains("use a USB camera"), "{driver}: {error}");
        }
    }
}
