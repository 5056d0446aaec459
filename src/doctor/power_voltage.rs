//! Does a Raspberry Pi get enough voltage?
//!
//! Its firmware reports under-voltage through a sensor of the kernel, `rpi_volt`; the alarm stays for a while.

use std::fs;
use std::path::Path;

use super::finding::{Check, Finding, LIMIT};
use super::kernel::KernelLog;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "power.voltage",
    expected: "no under-voltage",
    exit: Exit::Unavailable,
    limit: LIMIT,
    look: |site| judge(probe(Path::new("/sys/class/hwmon")), &site.kernel),
};

/// What the sensor says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sensor {
    Absent,
    Quiet,
    Alarm,
}

fn probe(root: &Path) -> Sensor {
    let folders = fs::read_dir(root).into_iter().flatten().filter_map(Result::ok);
    let mut sensor = Sensor::Absent;
    for folder in folders {
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap_or_default();
        if read("name").trim() != "rpi_volt" {
            continue;
        }
        sensor = if read("in0_lcrit_alarm").trim() == "1" { Sensor::Alarm } else { Sensor::Quiet };
    }
    sensor
}

fn judge(sensor: Sensor, kernel: &KernelLog) -> Finding {
    let lines = kernel.lines().unwrap_or_default();
    let drops = lines
        .iter()
        .filter(|line| line.text.to_lowercase().replace('-', "").contains("undervoltage detected"))
        .count();
    let remedy = "use the supply that is made for this device, a short thick cable, and a hub with its \
                  own supply for the camera";
    match (sensor, drops) {
        (Sensor::Alarm, _) => Finding::failed("under-voltage now", remedy),
        (_, 1..) => {
            Finding::warning(format!("under-voltage {drops} times since the start"), remedy)
        }
        (Sensor::Quiet, 0) => Finding::ok("none"),
        (Sensor::Absent, 0) => Finding::skipped("this device has no such sensor"),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a failed unwrap fails the test")]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn the_sensor_and_the_kernel_are_both_heard() {
        let quiet = KernelLog::saying(&["hwmon hwmon1: Voltage normalised"]);
        let drop = KernelLog::saying(&["hwmon hwmon1: Undervoltage detected!"]);
        let old = KernelLog::saying(&["Under-voltage detected! (0x00050005)"]);
        for (sensor, kernel, status) in [
            (Sensor::Quiet, &quiet, Status::Ok),
            (Sensor::Alarm, &quiet, Status::Failed),
            (Sensor::Quiet, &drop, Status::Warning),
            (Sensor::Absent, &old, Status::Warning),
            (Sensor::Absent, &quiet, Status::Skipped),
            (Sensor::Absent, &KernelLog::default(), Status::Skipped),
        ] {
            assert_eq!(judge(sensor, kernel).status, status, "{sensor:?}");
        }
    }

    #[test]
    fn the_sensor_is_found_by_its_name() {
        let root = tempfile::tempdir().unwrap();
        assert_eq!(probe(root.path()), Sensor::Absent);
        for (folder, name, alarm) in
            [("hwmon0", "cpu_thermal\n", "1"), ("hwmon1", "rpi_volt\n", "1\n")]
        {
            let folder = root.path().join(folder);
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("name"), name).unwrap();
            fs::write(folder.join("in0_lcrit_alarm"), alarm).unwrap();
        }
        assert_eq!(probe(root.path()), Sensor::Alarm);
    }
}
