//! What spoils a picture, with a strength each.

use crate::canvas::Canvas;

/// Defocus: a Gaussian of this standard deviation in pixels.
pub(crate) fn gaussian(canvas: &Canvas, sigma: f32) -> Canvas {
    if sigma < 0.15 {
        return canvas.clone();
    }
    let reach = (3.0 * sigma).ceil() as usize;
    let mut taps: Vec<f32> = (0..=2 * reach)
        .map(|i| (-(i as f32 - reach as f32).powi(2) / (2.0 * sigma * sigma)).exp())
        .collect();
    let sum: f32 = taps.iter().sum();
    taps.iter_mut().for_each(|tap| *tap /= sum);
    let rows = blurred(canvas, &taps, 3, canvas.width);
    blurred(&rows, &taps, canvas.width * 3, canvas.height)
}

/// Weighs the neighbours `step` values apart; a line has `length` of them.
fn blurred(canvas: &Canvas, taps: &[f32], step: usize, length: usize) -> Canvas {
    let reach = taps.len() / 2;
    let mut out = vec![0.0; canvas.rgb.len()];
    for (offset, weight) in taps.iter().enumerate() {
        for (at, value) in out.iter_mut().enumerate() {
            let place = at / step % length;
            let wanted = (place + offset).saturating_sub(reach).min(length - 1);
            *value += weight * canvas.rgb[at - place * step + wanted * step];
        }
    }
    Canvas { rgb: out, ..*canvas }
}

/// A straight movement by so many pixels while the shutter is open; `angle` in radians.
pub(crate) fn motion(canvas: &Canvas, length: f32, angle: f32) -> Canvas {
    if length < 1.2 {
        return canvas.clone();
    }
    let taps = length.ceil().min(24.0) as usize;
    let (dx, dy) = (length * angle.cos(), length * angle.sin());
    let mut sum = Canvas::filled(canvas.width, canvas.height, [0.0; 3]);
    for tap in 0..taps {
        let part = (tap as f32 + 0.5) / taps as f32 - 0.5;
        let step = canvas.moved(|x, y| (x + dx * part, y + dy * part));
        sum.rgb.iter_mut().zip(&step.rgb).for_each(|(sum, value)| *sum += value / taps as f32);
    }
    sum
}

/// So many times the light; what is over white is lost.
pub(crate) fn light(canvas: Canvas, factor: f32) -> Canvas {
    // Multiplying linear light is multiplying the values by this, as far as 2.2 describes the curve.
    let gain = factor.powf(1.0 / 2.2);
    canvas.each(|value| (value * gain).min(255.0))
}

/// Light from one side: over the width of the face it falls by this share.
pub(crate) fn side_light(mut canvas: Canvas, middle: f32, eye_distance: f32, fall: f32) -> Canvas {
    for (at, value) in canvas.rgb.iter_mut().enumerate() {
        let x = (at / 3 % canvas.width) as f32;
        let part = ((x - middle) / (1.6 * eye_distance) + 0.5).clamp(0.0, 1.0);
        *value *= (1.0 - fall * part).max(0.0).powf(1.0 / 2.2);
    }
    canvas
}

/// Sensor noise of this standard deviation in grey levels.
pub(crate) fn noise(mut canvas: Canvas, sigma: f32, chance: &mut fastrand::Rng) -> Canvas {
    if sigma > 0.0 {
        for value in &mut canvas.rgb {
            // The sum of twelve even draws is as good as normal here.
            let normal = (0..12).map(|_| chance.f32()).sum::<f32>() - 6.0;
            *value = (*value + sigma * normal).clamp(0.0, 255.0);
        }
    }
    canvas
}

/// A cloth over the lower part of the face, up to this share of the way from the chin to the eyes.
pub(crate) fn covered(
    mut canvas: Canvas,
    eyes: (f32, f32),
    eye_distance: f32,
    share: f32,
) -> Canvas {
    let chin = eyes.1 + 1.45 * eye_distance;
    let top = chin - share * 1.45 * eye_distance;
    if share > 0.0 {
        for y in top.max(0.0) as usize..(chin + 0.1 * eye_distance) as usize {
            for x in (eyes.0 - 1.3 * eye_distance) as usize..(eyes.0 + 1.3 * eye_distance) as usize
            {
                if x < canvas.width && y < canvas.height {
                    let fold = 8.0 * (y as f32 / 5.0).sin();
                    let at = (y * canvas.width + x) * 3;
                    canvas.rgb[at..at + 3].copy_from_slice(&[96.0 + fold, 128.0 + fold, 160.0]);
                }
            }
        }
    }
    canvas
}
