//! `kiosk-enroll`: captures sharp, frontal shots of one person at an unattended kiosk, keeps the update on
//! disk while the site is offline, and delivers it when the connection returns.
//!
//! ARCHITECTURE.md has the map; [`domain`] has the words.

pub mod app;
pub mod audit;
pub mod camera;
pub mod cli;
pub mod clock;
pub mod config;
pub mod delivery;
pub mod demo;
pub mod diag;
pub mod doctor;
pub mod domain;
pub mod enrollment;
pub mod failure;
pub mod measure;
pub mod queue;
pub mod service;
pub mod sheet;
pub mod stand_in;
pub mod telemetry;
pub mod texts;
pub mod transfer;
pub mod trigger;
pub mod vision;
pub mod web;
