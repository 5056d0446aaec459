//! Whole visits through the real nets, the examiner and the session, on rendered clips and a clock of their own:
//! who is followed, and who shows that it is no picture.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a test that cannot go on has failed, and pixels are small"
)]

mod attack;
#[allow(dead_code, reason = "shared with the evaluation, which uses the rest")]
#[path = "../../benches/eval/canvas.rs"]
mod canvas;
#[allow(dead_code, reason = "shared with the evaluation, which uses the rest")]
#[path = "../../benches/eval/damage.rs"]
mod damage;
mod identity;
mod liveness;
#[allow(dead_code, reason = "shared with the evaluation, which uses the rest")]
#[path = "../../benches/eval/sitter.rs"]
mod sitter;
mod stage;
