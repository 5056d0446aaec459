//! One picture on the page: itself with what was found in it, the verdict, and every measure.

use std::fmt::Write as _;

use super::gauge;
use super::thumbnail;
use crate::app::examiner::Examined;
use crate::domain::{Cause, Face, Gate, Guidance, Rect, Size};
use crate::domain::{Reading, Reason};
use crate::measure::MEASURES;
use crate::texts::Texts;
use crate::vision::Picture;
use crate::vision::image::{Framing, Region, portrait_region};

/// The longer side of the whole picture, and that of the face, in pixels.
const WHOLE: u32 = 480;
const CLOSE: u32 = 320;

/// Writes a picture that was assessed.
pub(super) fn assessed(
    out: &mut String,
    name: &str,
    examined: &Examined,
    gates: &[Gate],
    texts: &Texts,
) {
    let reasons = &examined.judged.reasons;
    let verdict = if reasons.is_empty() { "accept" } else { "reject" };
    let codes: Vec<&str> = reasons.iter().map(|reason| reason.code()).collect();
    let name = escaped(name);
    let _ = write!(
        out,
        "<article class=\"{verdict} {}\"><h2>{name}</h2><p class=verdict>",
        codes.join(" ")
    );
    let _ = write!(
        out,
        "<span class=chip>{}</span>",
        if reasons.is_empty() { "accepted" } else { "refused" }
    );
    if let Some(face) = &examined.observation.face {
        let score = examined.judged.score;
        let (yaw, pitch, roll) = (face.pose.yaw, face.pose.pitch, face.pose.roll);
        let count = examined.observation.count();
        let faces = if count == 1 { "1 face".to_owned() } else { format!("{count} faces") };
        let _ = write!(
            out,
            "<span>score {score:.3}</span><span>{faces}</span><span>yaw {yaw:.1}° pitch {pitch:.1}° roll {roll:.1}°</span>"
        );
    }
    out.push_str("</p>");
    told(out, reasons, texts);
    out.push_str("<div class=shots>");
    if let Some(picture) = &examined.picture {
        whole(out, &name, picture, examined);
        if let Some(face) = &examined.observation.face {
            close(out, &name, picture, face);
        }
    }
    out.push_str("</div>");
    if examined.observation.face.is_some() {
        table(out, examined, gates);
    }
    out.push_str("</article>\n");
}

/// Writes a file that could not be assessed.
pub(super) fn unreadable(out: &mut String, name: &str, error: &str) {
    let (name, error) = (escaped(name), escaped(error));
    let _ = writeln!(
        out,
        "<article class=unreadable><h2>{name}</h2><p class=verdict><span class=chip>not read</span></p>\
         <p class=told>{error}</p></article>"
    );
}

/// Text that a browser shows as it stands.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_control() => out.push('\u{FFFD}'),
            c => out.push(c),
        }
    }
    out
}

/// The reasons, each with what the person in front of a camera would be told.
fn told(out: &mut String, reasons: &[Reason], texts: &Texts) {
    if reasons.is_empty() {
        return;
    }
    out.push_str("<ul class=told>");
    for reason in reasons {
        let text = escaped(texts.text(Guidance::Fix(*reason)));
        let _ = write!(out, "<li><code>{}</code> {text}</li>", reason.code());
    }
    out.push_str("</ul>");
}

/// The whole picture with a box around each face.
fn whole(out: &mut String, name: &str, picture: &Picture, examined: &Examined) {
    let size = picture.size();
    let all = Region { x: 0, y: 0, size };
    let Some(url) = thumbnail::of(picture, all, WHOLE) else { return };
    open(out, name, all, &url);
    for other in &examined.observation.others {
        frame(out, other.bounds, "other");
    }
    if let Some(face) = &examined.observation.face {
        frame(out, face.bounds, "face");
    }
    out.push_str("</svg>");
    let _ = write!(out, "<figcaption>{size}</figcaption></figure>");
}

/// Head and shoulders, with the mesh and the five points.
fn close(out: &mut String, name: &str, picture: &Picture, face: &Face) {
    let region = portrait_region(face, picture.size(), Framing::Portrait);
    let Some(url) = thumbnail::of(picture, region, CLOSE) else { return };
    open(out, name, region, &url);
    out.push_str("<path class=mesh d=\"");
    for point in &face.mesh.points {
        let _ = write!(out, "M{:.1} {:.1}h0", point.x, point.y);
    }
    out.push_str("\"/><path class=marks d=\"");
    let marks = face.landmarks;
    for point in [marks.right_eye, marks.left_eye, marks.nose, marks.right_mouth, marks.left_mouth]
    {
        let _ = write!(out, "M{:.1} {:.1}h0", point.x, point.y);
    }
    out.push_str("\"/></svg>");
    let distance = marks.inter_eye_distance();
    let _ = write!(out, "<figcaption>eyes {distance:.0} px apart</figcaption></figure>");
}

/// A drawing in the picture's own pixels.
fn open(out: &mut String, name: &str, region: Region, url: &str) {
    let Region { x, y, size: Size { width, height } } = region;
    let _ = write!(
        out,
        "<figure><svg viewBox=\"{x} {y} {width} {height}\" role=img aria-label=\"{name}\" style=\"--ratio:{:.4}\">\
         <image x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" preserveAspectRatio=none href=\"{url}\"/>",
        f64::from(width) / f64::from(height.max(1))
    );
}

fn frame(out: &mut String, bounds: Rect, class: &str) {
    let Rect { x, y, width, height } = bounds;
    let _ = write!(
        out,
        "<rect class={class} x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\"/>"
    );
}

fn table(out: &mut String, examined: &Examined, gates: &[Gate]) {
    out.push_str(
        "<table><thead><tr><th scope=col>measure</th><th scope=col>value</th><th scope=col></th>\
         <th scope=col>passes</th><th scope=col>score</th></tr></thead><tbody>",
    );
    for measure in MEASURES {
        let gate = gates.iter().find(|gate| gate.measure == measure.name);
        let unread = Reading::NotAssessed(Cause::NoFace);
        let reading = examined.assessment.get(measure.name).unwrap_or(unread);
        gauge::row(out, measure, reading, gate);
    }
    out.push_str("</tbody></table>");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_markup_is_shown_and_not_run() {
        let mut page = String::new();
        unreadable(&mut page, "<img src=x onerror='alert(1)'>\u{1b}.jpg", "\"quoted\" & cut");
        assert!(!page.contains("<img") && !page.contains('\u{1b}'), "{page}");
        assert!(page.contains("&lt;img src=x onerror=&#39;alert(1)&#39;&gt;"), "{page}");
        assert!(page.contains("&quot;quoted&quot; &amp; cut"), "{page}");
    }
}
