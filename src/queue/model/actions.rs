//! What may happen to a queue, and how often.

use proptest::prelude::*;

use super::Pick;

const PERSONS: u8 = 3;

/// One thing that happens.
#[derive(Debug, Clone)]
pub(super) enum Action {
    Enqueue {
        person: u8,
        fields: u8,
    },
    Lease(Pick<'static>),
    LookAhead,
    Deliver(u8),
    /// Begins to settle several as delivered, chosen by bits; the next two go on with it.
    BeginGroup(u8),
    SettleGroup,
    FinishGroup,
    Retry(u8, u32),
    Park(u8),
    Release(u8),
    Requeue(u8),
    Discard(u8),
    Restart,
    CutPowerAfter(u8, u8),
    FailAfter(u8),
    Fill(u16),
    Free,
    Damage(u8, Damage),
    MoveClock(i16),
}

/// What becomes of a file.
#[derive(Debug, Clone, Copy)]
pub(super) enum Damage {
    Flip(u16),
    Truncate(u16),
    Zero,
    Delete,
}

/// Draws one.
pub(super) fn action() -> impl Strategy<Value = Action> {
    use Action::{
        BeginGroup, CutPowerAfter, Damage as Damaged, Deliver, Discard, Enqueue, FailAfter, Fill,
        FinishGroup, Free, Lease, LookAhead, MoveClock, Park, Release, Requeue, Restart, Retry,
        SettleGroup,
    };
    let damage = prop_oneof![
        any::<u16>().prop_map(Damage::Flip),
        any::<u16>().prop_map(Damage::Truncate),
        Just(Damage::Zero),
        Just(Damage::Delete),
    ];
    prop_oneof![
        12 => (0..PERSONS, 1..8_u8).prop_map(|(person, fields)| Enqueue { person, fields }),
        10 => prop_oneof![Just(Pick::Foremost), Just(Pick::Smallest { besides: &[] })].prop_map(Lease),
        6 => Just(LookAhead),
        6 => any::<u8>().prop_map(Deliver),
        6 => any::<u8>().prop_map(BeginGroup),
        4 => Just(SettleGroup),
        4 => Just(FinishGroup),
        3 => (any::<u8>(), 0..200_000_u32).prop_map(|(pick, seconds)| Retry(pick, seconds)),
        3 => any::<u8>().prop_map(Park),
        1 => any::<u8>().prop_map(Release),
        3 => any::<u8>().prop_map(Requeue),
        1 => any::<u8>().prop_map(Discard),
        2 => Just(Restart),
        3 => (0..40_u8, any::<u8>()).prop_map(|(after, part)| CutPowerAfter(after, part)),
        3 => (0..20_u8).prop_map(FailAfter),
        1 => (0..6_000_u16).prop_map(Fill),
        2 => Just(Free),
        1 => (any::<u8>(), damage).prop_map(|(pick, damage)| Damaged(pick, damage)),
        2 => (-500..500_i16).prop_map(MoveClock),
    ]
}
