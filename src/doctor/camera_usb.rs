//! Does the kernel complain about the USB?

use super::finding::{Check, Finding, LIMIT};
use super::kernel::KernelLog;
use crate::failure::Exit;

pub(super) const CHECK: Check = Check {
    id: "camera.usb",
    expected: "no error of the USB in the kernel's log",
    exit: Exit::Unavailable,
    limit: LIMIT,
    look: |site| judge(&site.kernel),
};

/// What the kernel says of ports, cables and cameras that fail, in small letters.
const COMPLAINTS: [&str; 10] = [
    "over-current",
    "error -71",
    "error -110",
    "error -32",
    "device not accepting address",
    "unable to enumerate usb device",
    "not enough bandwidth",
    "no space left on device",
    "xhci host controller not responding",
    "non-zero status (-",
];

/// Whether a line of the kernel is a complaint about the USB.
pub(crate) fn is_complaint(line: &str) -> bool {
    let line = line.to_lowercase();
    let about = ["usb", "uvc", "xhci", "dwc"].iter().any(|word| line.contains(word));
    about && COMPLAINTS.iter().any(|words| line.contains(words))
}

fn judge(kernel: &KernelLog) -> Finding {
    let Some(lines) = kernel.lines() else {
        return Finding::skipped("this user may not read the kernel's log; root may");
    };
    let complaints: Vec<&str> =
        lines.iter().map(|line| line.text.as_str()).filter(|line| is_complaint(line)).collect();
    let has = |words: &str| complaints.iter().any(|line| line.to_lowercase().contains(words));
    let Some(last) = complaints.last() else {
        return Finding::ok("none since the start");
    };
    let remedy = if has("over-current") {
        "a port gives too much current: unplug what is on it, and use a hub with its own supply"
    } else if has("bandwidth") || has("no space left") {
        "the bus is full: give the camera a port of its own, or lower its size and rate"
    } else {
        "another cable, another port, no hub; then a stronger power supply"
    };
    Finding::warning(format!("{} complaints, the last: {last}", complaints.len()), remedy)
        .command("dmesg | grep -iE 'usb|uvcvideo' | tail -n 20")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Status;

    #[test]
    fn complaints_are_found_and_told_apart() {
        for (line, status, words) in [
            ("usb 1-1: new high-speed USB device number 2 using xhci_hcd", Status::Ok, ""),
            ("usb 1-1: device descriptor read/64, error -71", Status::Warning, "cable"),
            ("usb usb1-port1: over-current condition", Status::Warning, "current"),
            (
                "uvcvideo 1-1:1.1: Failed to submit URB 0: no space left on device",
                Status::Warning,
                "full",
            ),
            (
                "uvcvideo: Non-zero status (-71) in video completion handler.",
                Status::Warning,
                "cable",
            ),
            ("EXT4-fs error -71", Status::Ok, ""),
        ] {
            let finding = judge(&KernelLog::saying(&[line]));
            assert_eq!(finding.status, status, "{line}");
            assert!(finding.remedy.unwrap_or_default().contains(words), "{line}");
        }
        assert_eq!(judge(&KernelLog::default()).status, Status::Skipped);
    }
}
