//! `camera list`: translates what was found into what others read.

use crate::camera::{self, CameraListing, Control, Extent, Mode, Settable};
use crate::config::Config;
use crate::web::camera::{
    CameraListReport, CameraReport, ChoiceReport, ControlReport, HolderReport, ModeReport,
};

use super::feed::CameraMode;

/// Lists the cameras of this machine.
pub fn list(config: &Config) -> CameraListReport {
    let found = camera::list_cameras(&CameraMode::wished(config).wish());
    CameraListReport {
        cameras: found.cameras.into_iter().map(camera).collect(),
        others: found.others,
        looked_in: found.looked_in.display().to_string(),
    }
}

fn camera(listing: CameraListing) -> CameraReport {
    let (modes, problem) = match listing.modes {
        Ok(modes) if modes.is_empty() => {
            (Vec::new(), Some("it offers neither MJPEG nor YUYV".to_owned()))
        }
        Ok(modes) => (by_size(&modes), None),
        Err(problem) => (Vec::new(), Some(problem)),
    };
    let holder = |holder: camera::Holder| HolderReport { pid: holder.pid, program: holder.program };
    CameraReport {
        name: listing.name,
        other_names: listing.other_names,
        node: listing.node,
        product: listing.product,
        bus: listing.bus,
        driver: listing.driver,
        modes,
        controls: listing.controls.into_iter().map(control).collect(),
        held_by: listing.holders.into_iter().map(holder).collect(),
        problem,
    }
}

fn control(control: Control) -> ControlReport {
    let empty = ControlReport {
        name: control.name,
        key: control.key.map(|key| format!("camera.{key}")),
        min: None,
        max: None,
        step: None,
        default: None,
        current: control.current,
        choices: Vec::new(),
        read_only: control.settable == Settable::ReadOnly,
    };
    match control.extent {
        Extent::Range { min, max, step, default } => ControlReport {
            min: Some(min),
            max: Some(max),
            step: Some(step),
            default: Some(default),
            ..empty
        },
        Extent::Menu { choices, default } => {
            let choice = |it: camera::Choice| ChoiceReport { value: it.value, name: it.name };
            let choices = choices.into_iter().map(choice).collect();
            ControlReport { default: Some(default), choices, ..empty }
        }
        Extent::Unknown => empty,
    }
}

/// One line for each format and size, in the camera's order.
fn by_size(modes: &[Mode]) -> Vec<ModeReport> {
    let mut lines: Vec<ModeReport> = Vec::new();
    for mode in modes {
        let (format, size) = (mode.format.to_string(), mode.size);
        let rate = mode.interval.map(|interval| (interval.fps() * 100.0).round() / 100.0);
        let same = |line: &&mut ModeReport| {
            line.format == format && (line.width, line.height) == (size.width, size.height)
        };
        match lines.iter_mut().find(same) {
            Some(line) => line.rates.extend(rate),
            None => lines.push(ModeReport {
                format,
                width: size.width,
                height: size.height,
                rates: rate.into_iter().collect(),
            }),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::{Interval, PixelFormat};
    use crate::domain::Size;

    #[test]
    fn a_size_is_one_line_with_all_its_rates() {
        let mode = |width, denominator| Mode {
            format: PixelFormat::Mjpeg,
            size: Size::new(width, 480),
            interval: Some(Interval { numerator: 2, denominator }),
        };
        let lines = by_size(&[mode(640, 60), mode(800, 60), mode(640, 15)]);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0].rates, [30.0, 7.5]);
    }
}
