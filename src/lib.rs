//! `kiosk-enroll`: captures sharp, frontal shots of one person at an unattended kiosk, keeps the update on
//! disk while the site is offline, and delivers it when the connection returns.
//!
//! ARCHITECTURE.md has the map; [`domain`] has the words.

pub mod camera;
pub mod clock;
pub mod delivery;
pub mod domain;
pub mod enrollment;
pub mod measure;
pub mod queue;
pub mod sheet;
pub mod stand_in;
pub mod texts;
pub mod trigger;
pub mod vision;
pub mod web;
